"""One file a metric; see ``twin.analysis.metric``."""
