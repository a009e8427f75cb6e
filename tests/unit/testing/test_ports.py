"""Ports for what tests start stay free until it listens there."""

import socket
from concurrent.futures import ProcessPoolExecutor

import pytest

from testing import ports
from testing.ports import free_port


def _some(_: int) -> list[int]:
    return [free_port() for _ in range(50)]


def test_tests_that_run_at_once_are_given_different_ports() -> None:
    with ProcessPoolExecutor(4) as pool:
        given = [port for some in pool.map(_some, range(4)) for port in some]
    assert len(set(given)) == 200
    assert set(given) <= set(ports.RANGE)


def test_a_port_at_which_somebody_listens_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = free_port()
    monkeypatch.setattr(ports, "RANGE", range(taken, taken + 2))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", taken))
        listener.listen()
        assert {free_port() for _ in range(3)} == {taken + 1}
