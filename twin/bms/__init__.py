"""Battery management: sensors, firmware, architectures and what they decide."""
