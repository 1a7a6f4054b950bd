"""What a study varies something of: a scenario, or a Python function."""
