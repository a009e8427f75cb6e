"""The consumer's numbers, as Prometheus asks for them."""

import urllib.request

import pytest

from runtime import names
from runtime.worker import metrics
from testing.ports import free_port

SECONDS = 10


def ask(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=SECONDS) as answer:
        return str(answer.read().decode())


def test_a_consumer_answers_with_its_node_and_what_it_has_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "CONSUMER_METRICS_PORT", free_port())
    with metrics.served("worker1"):
        metrics.RUNS.labels("e", "failed").inc()
        text = ask(names.CONSUMER_METRICS_PORT)
    assert 'oodt_consumer_info{node="worker1"} 1.0' in text
    assert 'oodt_consumer_runs_total{event="e",result="failed"}' in text
    with pytest.raises(OSError):
        ask(names.CONSUMER_METRICS_PORT)


def test_a_port_that_is_taken_is_no_reason_to_take_no_jobs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(names, "CONSUMER_METRICS_PORT", free_port())
    with metrics.served("worker1"), metrics.served("worker1"):
        assert "oodt_consumer_jobs" in ask(names.CONSUMER_METRICS_PORT)
    assert f"no metrics on port {names.CONSUMER_METRICS_PORT}" in caplog.text
