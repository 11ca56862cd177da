"""The whole gateway, started as its users start it, between real clients and a provider under control."""
