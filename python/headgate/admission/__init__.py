"""Who may ask, for what, and how much: keys, access and limits."""
