"""The price of energy by the hour, one file a profile."""
