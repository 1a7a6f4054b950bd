"""Gates: whether canaries behave worse than sites that are held back, and how sure that is."""
