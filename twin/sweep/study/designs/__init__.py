"""Which points a study looks at: one file a design."""
