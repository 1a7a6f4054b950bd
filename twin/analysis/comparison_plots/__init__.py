"""One file a plot of the comparison; see ``twin.analysis.comparison_plot``."""
