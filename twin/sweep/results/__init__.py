"""What a study found: one table, and one page about it."""
