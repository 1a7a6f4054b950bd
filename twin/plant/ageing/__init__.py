"""How cells age while they are used: one file a model, found because it is there."""
