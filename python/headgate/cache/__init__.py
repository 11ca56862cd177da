"""Answers kept for the next who asks the same."""
