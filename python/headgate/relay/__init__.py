"""Streams on their way from a provider to a client."""
