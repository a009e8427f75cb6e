"""The join script against a stand-in for docker's socket that remembers what it was told."""

from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.node import join


class Docker:
    """A docker daemon's swarm side: one node, its state, and the calls that changed it."""

    def __init__(self) -> None:
        self.state = "inactive"
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusals = 0
        self.init_refusal = ""

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/info":
            return 200, {"Swarm": {"LocalNodeState": self.state}}
        if method == "GET" and path == "/swarm":
            return 200, {"ID": "swarm-1", "JoinTokens": {"Worker": "the-token"}}
        if path == "/swarm/init" and self.init_refusal:
            return 406, {"message": self.init_refusal}
        if path == "/swarm/join" and self.refusals:
            self.refusals -= 1
            return 503, {"message": "invalid join token"}
        self.calls.append((path, body))
        self.state = "inactive" if path.startswith("/swarm/leave") else "active"
        return 200, None


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Docker]:
    daemon = Docker()

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_call(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            status, answer = daemon.answer(self.command, self.path, body)
            content = json.dumps(answer).encode() if answer is not None else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):  # a caller that has read the status may be gone
                self.wfile.write(content)

        do_GET = do_POST = handle_call

        def log_message(self, *_arguments: object) -> None:
            pass

        def address_string(self) -> str:
            return "socket"

    path = tmp_path / "docker.sock"
    monkeypatch.setattr(join, "DOCKER_SOCKET", str(path))
    monkeypatch.setattr(join, "INTERVAL", 0.01)
    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield daemon
        server.shutdown()


@pytest.fixture
def store(tmp_path: Path) -> join.FileStore:
    return join.FileStore(str(tmp_path / "share" / "token.json"))


def soon() -> float:
    return time.monotonic() + 5


def test_a_manager_initialises_once_and_publishes_the_token_for_root_alone(
    docker: Docker, store: join.FileStore, capfd: pytest.CaptureFixture[str]
) -> None:
    join.manage(store, "10.0.0.10", soon())
    join.manage(store, "10.0.0.10", soon())
    assert docker.calls == [("/swarm/init", {"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": "10.0.0.10"})]
    assert store.read() == {"swarm": "swarm-1", "token": "the-token", "address": "10.0.0.10:2377"}
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert "the-token" not in "".join(capfd.readouterr())


def test_a_new_swarm_takes_its_networks_from_the_pool_that_it_is_given(
    docker: Docker, store: join.FileStore
) -> None:
    join.manage(store, "10.0.0.10", soon(), "10.255.208.0/20")
    ((_, body),) = docker.calls
    assert (body["DefaultAddrPool"], body["SubnetSize"]) == (["10.255.208.0/20"], 24)


def test_a_worker_waits_for_the_token_and_joins(
    docker: Docker, store: join.FileStore, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record = {"swarm": "swarm-1", "token": "the-token", "address": "10.0.0.10:2377"}
    threading.Timer(0.2, store.write, [record]).start()
    join.work(store, "10.0.0.11", tmp_path / "membership", soon())
    ((path, body),) = docker.calls
    assert path == "/swarm/join"
    assert (body["RemoteAddrs"], body["JoinToken"]) == (["10.0.0.10:2377"], "the-token")
    assert "the-token" not in "".join(capfd.readouterr())


def test_a_worker_that_is_in_the_swarm_already_does_nothing(
    docker: Docker, store: join.FileStore, tmp_path: Path
) -> None:
    store.write({"swarm": "swarm-1", "token": "the-token", "address": "10.0.0.10:2377"})
    membership = tmp_path / "membership"
    join.work(store, "10.0.0.11", membership, soon())
    docker.calls.clear()
    join.work(store, "10.0.0.11", membership, soon())
    assert docker.calls == []


@pytest.mark.parametrize("state", ["active", "pending", "error"])
def test_a_worker_of_another_swarm_leaves_it_and_joins_the_new_one(
    docker: Docker, store: join.FileStore, tmp_path: Path, state: str
) -> None:
    store.write({"swarm": "swarm-2", "token": "the-token", "address": "10.0.0.10:2377"})
    membership = tmp_path / "membership"
    membership.write_text("swarm-1")
    docker.state = state
    join.work(store, "10.0.0.11", membership, soon())
    assert [path for path, _ in docker.calls] == ["/swarm/leave?force=true", "/swarm/join"]
    assert membership.read_text() == "swarm-2"


@pytest.mark.parametrize("state", ["active", "pending", "error"])
def test_a_borrowed_machine_is_never_taken_out_of_a_swarm(
    docker: Docker, store: join.FileStore, state: str
) -> None:
    store.write({"swarm": "swarm-2", "token": "the-token", "address": "10.0.0.10:2377"})
    docker.state = state
    with pytest.raises(SystemExit, match="in a swarm already"):
        join.work(store, "10.0.0.11", None, soon())
    assert docker.calls == []


def test_a_borrowed_machine_joins_and_no_note_is_left_on_it(docker: Docker, store: join.FileStore) -> None:
    store.write({"swarm": "swarm-1", "token": "the-token", "address": "10.0.0.10:2377"})
    join.work(store, "10.0.0.11", None, soon())
    assert [path for path, _ in docker.calls] == ["/swarm/join"]


def test_what_docker_refuses_for_good_is_said_in_one_line(
    docker: Docker, store: join.FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker.init_refusal = "--live-restore daemon configuration is incompatible with swarm mode"
    line = ["join", "manager", "--address", "10.0.0.10", "--token-file", str(store.path)]
    monkeypatch.setattr("sys.argv", line)
    with pytest.raises(SystemExit, match=r"^join: docker refuses: --live-restore daemon"):
        join.main()


def test_a_worker_tries_again_when_the_first_token_is_an_old_one(
    docker: Docker, store: join.FileStore, tmp_path: Path
) -> None:
    store.write({"swarm": "swarm-1", "token": "the-token", "address": "10.0.0.10:2377"})
    docker.refusals = 2
    join.work(store, "10.0.0.11", tmp_path / "membership", soon())
    assert docker.state == "active"


def test_a_worker_without_a_manager_gives_up_with_what_it_waited_for(
    docker: Docker, store: join.FileStore, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match="gave up waiting for the manager's record"):
        join.work(store, "10.0.0.11", tmp_path / "membership", time.monotonic() + 0.1)
