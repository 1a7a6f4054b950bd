"""How a site behaves, one file a behaviour: what gates compare between sites with a new release and without it."""
