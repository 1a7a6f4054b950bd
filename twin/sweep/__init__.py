"""Studies: many runs of one base, chosen by a design, run by an engine, gathered in one table."""
