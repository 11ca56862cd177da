"""What a request came to: tokens, the ledger, the spool, the metrics and the log line, exactly once."""
