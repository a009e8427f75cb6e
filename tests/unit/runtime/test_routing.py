"""Where a workflow instance is."""

from pathlib import Path

import pytest

from runtime.ledger import Ledger, Run
from runtime.routing import Place, instance_of, place_of

UUID = "01234567-89ab-cdef-0123-456789abcdef"


def claim(root: Path, job: str, node: str) -> None:
    ledger = Ledger(root, node=node, lease=30, gateway=f"http://{node}:9001")
    run = ledger.claim("test-workflow", job)
    assert isinstance(run, Run)
    ledger.end(run, "failed", "exit 1")


@pytest.mark.parametrize(
    ("instance", "node"),
    [
        ("b.1", "one"),
        ("b.1~2", "two"),
        (f"b.1~2.{UUID}", "two"),
        ("b.1-2", "three"),
        (f"b.1.{UUID}", "four"),
        ("b.1~3", None),
        ("unknown", None),
        ("../b.1", None),
        ("*", None),
    ],
)
def test_each_run_is_where_it_was_begun(tmp_path: Path, instance: str, node: str | None) -> None:
    for job, begun in (("b.1", "one"), ("b.1", "two"), ("b.1-2", "three"), (f"b.1.{UUID}", "four")):
        claim(tmp_path, job, begun)
    expected = Place(node=node, gateway=f"http://{node}:9001") if node else None
    assert place_of(tmp_path, instance) == expected


def test_an_instance_is_named_by_its_id_or_by_its_whole_structure() -> None:
    assert instance_of(("job", "STARTED")) == "job"
    assert instance_of(({"id": "job", "status": "STARTED"},)) == "job"
    assert instance_of(()) is instance_of((7,)) is instance_of(({},)) is None
