"""The air around the batteries, one file a profile."""
