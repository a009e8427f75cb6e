"""Scripts on nodes need no newer Python than hosts must have. Amazon Linux 2023 has that one too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from toolchain.paths import REPOSITORY

OLDEST = "3.9"
SCRIPTS = sorted(
    path
    for folder in ("node", "hosts/node", "aws/node")
    for path in (REPOSITORY / "infra" / folder).glob("*.py")
)
NEWER = {
    "syntax": "import sys\nmatch sys.argv:\n    case _:\n        pass\n",
    "library": "import itertools\nprint(itertools.pairwise([]))\n",
}


def complaints(script: Path) -> str:
    """What vermin has to say of a script that is to run with the oldest Python; nothing if it does."""
    line = [
        str(Path(sys.executable).with_name("vermin")),
        f"--target={OLDEST}-",
        "--no-tips",
        "--violations",
        str(script),
    ]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_on_nodes_runs_with_the_oldest_python(script: Path) -> None:
    assert complaints(script) == ""


@pytest.mark.parametrize("content", NEWER.values(), ids=NEWER)
def test_what_came_later_would_be_found(content: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(content)
    assert "requires !2, 3.10" in complaints(script)


def test_the_scripts_are_found() -> None:
    assert {"join.py", "probe.py", "accept_registry.py", "worker.py"} <= {path.name for path in SCRIPTS}
