"""The entry point of `headgate`: the shortest way to the command that was asked for.

Invariant: nothing heavy is imported here (no pydantic, rich, typer or YAML), and no stack trace reaches a
person for what they typed or wrote. Exit codes: 0 done, 1 the configuration or the machine has a problem, 2
wrong usage, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from headgate.errors import ConfigError

OK, PROBLEM, INTERRUPTED = 0, 1, 130
MAX_WORKERS = 256
_SERVE_OPTIONS = {"-c": "config", "--config": "config", "--workers": "workers"}


def main() -> None:
    """Run the command line."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and give its exit code."""
    try:
        plain = plain_serve(arguments)
        if plain is not None:
            return serve(*plain)
        from headgate.cli.commands import invoke  # noqa: PLC0415 - serve starts without typer

        return invoke(arguments)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return PROBLEM
    except BrokenPipeError:
        # The reader of a pipe (head, grep -q) had enough; Python must not complain at its end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED


def serve(config: Path | None, workers: int | None) -> int:
    """Start the gateway and stay until it is stopped."""
    from headgate.cli import serve as command  # noqa: PLC0415 - only this command needs the processes' code

    return command.serve(config, workers)


def plain_serve(arguments: list[str]) -> tuple[Path | None, int | None] | None:
    """The options of a plainly written `serve`; None leaves the words, help and faults to typer.

    Importing typer takes about 65 ms of the 1.5 s in which `serve` must answer.
    """
    if arguments[:1] != ["serve"]:
        return None
    found: dict[str, str] = {}
    rest = arguments[1:]
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        option = _SERVE_OPTIONS.get(word)
        if option is None or option in found or (equals and not word.startswith("--")):
            return None
        if not equals:
            if not rest or rest[0].startswith("-"):
                return None
            value = rest.pop(0)
        found[option] = value
    workers = found.get("workers")
    if workers is not None and not (
        workers.isascii() and workers.isdigit() and 1 <= int(workers) <= MAX_WORKERS
    ):
        return None
    return Path(found["config"]) if "config" in found else None, int(workers) if workers else None


if __name__ == "__main__":
    main()
