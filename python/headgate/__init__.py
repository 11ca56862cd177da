"""Headgate: a gateway for language models whose limits, money and streams can be trusted."""
