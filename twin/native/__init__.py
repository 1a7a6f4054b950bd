"""C++ loops over arrays, reached once a tick with the GIL released; each has a plain Python twin that judges it."""
