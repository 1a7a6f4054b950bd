"""What the homes' roofs give, one file a profile."""
