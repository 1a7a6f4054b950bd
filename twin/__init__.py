"""A digital-twin laboratory for fleets of battery systems."""
