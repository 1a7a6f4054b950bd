"""One attempt at a point, and the process that makes one after another."""
