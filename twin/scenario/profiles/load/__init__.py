"""What the homes draw, one file a profile."""
