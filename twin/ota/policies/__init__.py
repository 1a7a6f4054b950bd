"""Rollout policies, one file a kind, with the semantics that the servers of that name publish."""
