"""What a BMS watches its modules for, one file a thing; each is found because it is there."""
