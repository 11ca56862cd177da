"""The commands, their options and their help; the work is done next door.

Invariant: every command that prints facts has `--json`; nothing here opens a file or a socket.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headgate.cli import check as checking
from headgate.cli import doctor as doctoring
from headgate.cli import keys as minting
from headgate.cli import main as entry
from headgate.cli import output
from headgate.cli import version as versions
from headgate.config.schema import json_schema

_EXIT_CODES = "Exit codes: 0 done, 1 a problem was found, 2 wrong usage."

app = typer.Typer(
    name="headgate",
    help="Headgate: a gateway for language models.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="About the configuration.", no_args_is_help=True, rich_markup_mode=None)
keys_app = typer.Typer(help="API keys.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")
app.add_typer(keys_app, name="keys")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "-c",
        "--config",
        help="Configuration file; else HEADGATE_CONFIG, ./headgate.yaml, the built-in one.",
        metavar="FILE",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def invoke(arguments: list[str]) -> int:
    """Run a command; the exit code."""
    command = typer.main.get_command(app)
    try:
        command.main(args=arguments, prog_name="headgate", standalone_mode=True)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else entry.PROBLEM
    return entry.OK


@app.command(
    epilog="Exit codes: 0 stopped, 1 bad configuration, 2 wrong usage, 3 an address or state_dir is taken."
)
def serve(
    config: ConfigOption = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            help="Worker processes, instead of server.workers.",
            min=1,
            max=entry.MAX_WORKERS,
            metavar="N",
        ),
    ] = None,
) -> None:
    """Start the gateway."""
    raise typer.Exit(entry.serve(config, workers))


@app.command(epilog=_EXIT_CODES)
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - typer's way to a flag
    """Check the configuration and show what it says."""
    raise typer.Exit(checking.check(config, as_json=as_json))


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    output.write_json(json_schema())


@keys_app.command("create")
def keys_create(  # noqa: PLR0913, PLR0917 - typer's parameters are the options
    name: Annotated[str, typer.Option(help="What logs and metrics call the key.", metavar="NAME")],
    role: Annotated[
        str, typer.Option(help="admin, member, viewer or service_account.", metavar="ROLE")
    ] = "member",
    rpm: Annotated[
        int | None, typer.Option(help="Requests per minute; 0 is unlimited.", min=0, metavar="N")
    ] = None,
    tpm: Annotated[
        int | None, typer.Option(help="Tokens per minute; 0 is unlimited.", min=0, metavar="N")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A model it may use; may be repeated.", metavar="MODEL")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer's way to a flag
) -> None:
    """Make a key: print it once, and the lines for the configuration, which hold its hash only."""
    options = {"role": role, "rpm": rpm, "tpm": tpm, "allowed_models": model or None}
    raise typer.Exit(minting.create(name, options, config, as_json=as_json))


@app.command()
def version(as_json: JsonOption = False) -> None:  # noqa: FBT002 - typer's way to a flag
    """Print the versions of Headgate, its native core and Python."""
    versions.version(as_json=as_json)


@app.command(epilog=_EXIT_CODES)
def doctor(
    config: ConfigOption = None,
    online: Annotated[bool, typer.Option("--online", help="Also try to reach every provider.")] = False,  # noqa: FBT002
    as_json: JsonOption = False,  # noqa: FBT002 - typer's way to a flag
) -> None:
    """Look whether this machine can run the gateway, and say how to help it."""
    raise typer.Exit(doctoring.doctor(config, online=online, as_json=as_json))
