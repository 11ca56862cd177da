"""Connections to providers: sockets and deadlines here, bytes in the native reader."""
