"""What Headgate costs, measured and held to `budgets.toml`: `make bench` prints, `make bench-check` fails."""
