"""Observability: metrics, access log and log lines; nothing here ever sees a payload."""
