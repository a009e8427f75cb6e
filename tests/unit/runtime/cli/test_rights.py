"""Cleaning up as root on a disk that takes root for nobody."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Root that has no rights in what belongs to others, as on NFS with root squash; it can still become them.
SQUASHED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown")
CLEAN = """
import asyncio, sys, time
from pathlib import Path
from runtime.cli import cleaning

class Catalogue:
    async def products(self):
        for nothing in ():
            yield nothing
    async def reopen_run(self, run_id):
        pass

root = Path(sys.argv[1])
share = cleaning.Share(archive=root / "archive", jobs=root / "jobs", ledger=root / "ledger")
until = cleaning.horizon(share, age=0)
parts = ("products", "jobs", "ledger")
none = frozenset()
work = cleaning.clean(share, Catalogue(), parts=parts, until=until, busy=none, waiting=none, really=True)
asyncio.run(work)
"""
VERDICT = '{"kind": "verdict", "state": "CANCELLED", "attempts": 0, "node": "n", "ended": 1}'


@pytest.fixture
def share() -> Iterator[Path]:
    """The cluster's folders as their owners have them, each with what an ended job has left."""
    if os.getuid() or not shutil.which(SQUASHED[0]):
        pytest.skip("other users can be acted as by root only, with setpriv")
    with tempfile.TemporaryDirectory() as room:
        os.chmod(room, 0o755)
        for name, uid, mode in (("archive", 1000, 0o2775), ("jobs", 1000, 0o2775), ("ledger", 1001, 0o700)):
            left = Path(room, name, "flow", "one")
            left.mkdir(parents=True)
            (left / "0001.json").write_text(VERDICT)
            for path in (left / "0001.json", left, left.parent, left.parent.parent):
                os.chown(path, uid, 1000)
                path.chmod(mode if path.is_dir() else 0o640)
        yield Path(room)


def clean(share: Path, *before: str) -> subprocess.CompletedProcess[str]:
    line = [*before, sys.executable, "-c", CLEAN, str(share)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("before", [(), SQUASHED], ids=["root has its rights", "root is taken for nobody"])
def test_what_ended_jobs_have_left_goes(share: Path, before: tuple[str, ...]) -> None:
    done = clean(share, *before)
    assert done.returncode == 0, done.stderr
    # The ledger notes that products were deleted, so that nobody misses them.
    assert [path.name for path in share.rglob("*") if path.is_file()] == [".cleaned"]


def test_where_root_has_its_rights_it_uses_them(share: Path) -> None:
    """A container of one's own may run OODT as root."""
    written = share / "jobs" / "flow" / "one"
    os.chown(written, 0, 0)
    written.chmod(0o700)
    assert clean(share).returncode == 0
    assert not written.exists()
