"""The wheel stands alone: installed without a compiler in sight, it serves, and brings little with it.

Invariant: what is tested is the built file in a new environment, not the checkout.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import openai
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

ROOT = Path(__file__).resolve().parents[3]
WHEEL_LIMIT_BYTES = 12 << 20
INSTALLED_LIMIT = 40
KEY = "a-key-for-the-installed-wheel"
CONFIG = f"""
server: {{listen: "127.0.0.1:0", workers: 1, shutdown_timeout: 5s}}
control: {{listen: "127.0.0.1:0"}}
keys: [{{name: tester, key: {KEY}, rpm: 0, tpm: 0}}]
"""
# By the names of distributions: cloud SDKs, database and cache drivers, telemetry.
UNWANTED = re.compile(
    r"boto|aws|google|azure|msal|sqlalchemy|alembic|psycopg|asyncpg|aiosqlite|mysql|redis|opentelemetry|grpc|protobuf"
)


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    ran = subprocess.run(  # noqa: S603  our own commands
        [str(word) for word in command], cwd=ROOT, env=env, check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def wheel() -> Path:
    run("make", "wheel")
    (built,) = (ROOT / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def no_rust() -> dict[str, str]:
    """An environment in which no compiler of Rust can be found."""
    folders = os.environ["PATH"].split(os.pathsep)
    bare = [
        folder for folder in folders if not any((Path(folder) / tool).exists() for tool in ("cargo", "rustc"))
    ]
    env = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    env |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    env["PATH"] = os.pathsep.join(bare)
    assert shutil.which("cargo", path=env["PATH"]) is None
    return env


@pytest.fixture(scope="module")
def installed(wheel: Path, no_rust: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment that has the wheel and what it depends on."""
    home = tmp_path_factory.mktemp("wheel") / "venv"
    venv.create(home, with_pip=True, symlinks=True)
    run(home / "bin" / "python", "-m", "pip", "install", "--quiet", wheel, env=no_rust)
    return home / "bin"


@pytest.fixture(scope="module")
def client(
    installed: Path, no_rust: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[openai.OpenAI]:
    home = tmp_path_factory.mktemp("serving")
    config = home / "headgate.yaml"
    config.write_text(CONFIG)
    command = [str(installed / "headgate"), "serve", "-c", str(config)]
    with subprocess.Popen(command, cwd=home, env=no_rust, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            greeting = next((line for line in process.stdout if "-d '{" in line), None)
            assert greeting is not None, "it ended before it served"
            listen = json.loads((home / ".headgate" / "endpoints.json").read_bytes())["listen"]
            with openai.OpenAI(base_url=f"{listen}/v1", api_key=KEY, max_retries=0) as openai_client:
                yield openai_client
        finally:
            process.terminate()
    assert process.returncode == 0


def test_the_wheel_is_small_and_for_every_later_python(wheel: Path) -> None:
    assert wheel.stat().st_size <= WHEEL_LIMIT_BYTES
    assert "-cp311-abi3-" in wheel.name


def test_it_brings_no_cloud_sdk_no_driver_and_no_telemetry(installed: Path) -> None:
    listed = json.loads(run(installed / "python", "-m", "pip", "list", "--format=json"))
    names = [row["name"].lower() for row in listed]
    assert "headgate" in names
    assert [name for name in names if UNWANTED.search(name)] == []
    assert len(names) <= INSTALLED_LIMIT, names


def test_what_is_installed_is_not_the_checkout(installed: Path) -> None:
    where = run(installed / "python", "-I", "-c", "import headgate._core as core; print(core.__file__)")
    assert not Path(where.strip()).is_relative_to(ROOT / "python")
    assert where.strip().endswith("_core.abi3.so")


def test_it_answers(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="echo", messages=[{"role": "user", "content": "hello wheel"}]
    )
    assert answer.choices[0].message.content == "hello wheel"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2


def test_it_streams(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="echo",
        messages=[{"role": "user", "content": "hello wheel"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "hello wheel"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 2
