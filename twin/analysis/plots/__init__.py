"""The plots of the report: one file each, found because it is there."""
