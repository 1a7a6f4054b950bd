"""What a study varies: one file a kind of factor."""
