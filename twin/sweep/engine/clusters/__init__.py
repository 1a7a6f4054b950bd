"""Where the workers of a sweep come from: one file a kind of cluster."""
