"""The control listener's endpoints."""
