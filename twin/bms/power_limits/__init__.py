"""How much current modules may take and give, one file a method."""
