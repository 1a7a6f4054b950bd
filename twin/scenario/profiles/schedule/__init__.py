"""The power that somebody has planned for the batteries, one file a profile."""
