"""Dispatch, one file a kind: what a site's energy management asks of its battery."""
