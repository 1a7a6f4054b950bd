"""What a study says: base, factors, design, constraints; loaded, or everything that is wrong with it."""
