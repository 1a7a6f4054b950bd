"""Campaigns: which site is told when to run a release, and what the server does about what it hears."""
