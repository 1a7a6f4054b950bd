"""Frames to the bit: how long they are, and what stands on the wire."""
