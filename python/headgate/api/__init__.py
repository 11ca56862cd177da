"""One file per inbound dialect: its endpoints, and the shape of its errors."""
