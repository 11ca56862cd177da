"""Where a request goes: the table of routes and the rule of failover."""
