"""doctor: each finding in its good and its bad state; looking changes nothing."""

from __future__ import annotations

import json
import resource
import socket
import threading
from pathlib import Path

import pytest
from headgate.cli import doctor
from headgate.config.runtime import Provider


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def answer_once(server: socket.socket, data: bytes) -> threading.Thread:
    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(data)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    return thread


def test_a_free_port(listener: socket.socket):
    port = listener.getsockname()[1]
    listener.close()
    assert doctor.port("server.listen", "127.0.0.1", port).state == "ok"


@pytest.mark.parametrize(
    ("data", "state"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", "ok"), (b"HTTP/1.1 404 No\r\n\r\n", "fail"), (b"x", "fail")],
)
def test_a_taken_port(listener: socket.socket, data: bytes, state: str):
    thread = answer_once(listener, data)
    finding = doctor.port("server.listen", *listener.getsockname())
    thread.join()
    assert finding.state == state
    assert bool(finding.fix) == (state == "fail")


def test_an_address_of_another_machine():
    assert doctor.port("server.listen", "203.0.113.1", 1).state == "fail"


def test_open_files():
    assert doctor.open_files(1024).state == "warn"
    assert doctor.open_files(65536).state == "ok"
    assert doctor.open_files(resource.RLIM_INFINITY).state == "ok"


def test_shared_memory(tmp_path: Path):
    assert doctor.shared_memory(tmp_path / "none").state == "warn"


def test_state_dir(tmp_path: Path):
    assert doctor.state_dir(tmp_path).message.endswith("is writable")
    assert doctor.state_dir(tmp_path / "a" / "b").message.endswith("can be made")
    (tmp_path / "file").touch()
    assert doctor.state_dir(tmp_path / "file" / "x").state == "fail"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def provider(host: str, port: int) -> Provider:
    return Provider(
        name="p", type="vllm", kind="http", tls=False, host=host, port=port, base_path="", headers=()
    )


def test_reachability(listener: socket.socket):
    host, port = listener.getsockname()
    assert doctor.reachable(provider(host, port)).state == "ok"
    listener.close()
    assert doctor.reachable(provider(host, port)).state == "warn"
    assert doctor.reachable(provider("no-such-host.invalid", 1)).state == "warn"


def test_a_bad_configuration_is_a_failure(headgate, tmp_path: Path):
    (tmp_path / "headgate.yaml").write_text("foo: 1")
    ran = headgate("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(ran.out)["findings"]}
    assert ran.code == 1
    assert findings["config"]["state"] == "fail"
    assert "state_dir" not in findings


def test_every_line_says_state_name_and_message(headgate):
    ran = headgate("doctor")
    assert "Traceback" not in ran.err
    assert all(line[:4].strip() in {"ok", "warn", "fail"} for line in ran.out.splitlines())
    assert "server.listen" in ran.out
