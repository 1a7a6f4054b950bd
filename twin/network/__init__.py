"""CAN: frame lengths to the bit, databases and array codecs, buses computed exactly."""
