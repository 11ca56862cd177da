"""Credentials of clouds: fetched here, renewed ahead of their end, sent to the workers (RULINGS 13)."""
