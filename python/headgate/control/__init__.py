"""The control process: it owns the sockets, the segment, the workers and the books, and sees no request."""
