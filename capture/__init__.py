"""Watches a listening address and publishes an observation of every TCP packet sent to it."""
