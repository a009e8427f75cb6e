"""What the Pulumi program says of the stack of this folder, asked in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from runtime.cli.results import BadInput

# Its own process: this package is installed where there is none of it.
PROGRAM = "infra"
SECONDS = 60  # far more than it takes; what it asks has limits of its own


def ask(module: str, *arguments: str) -> dict[str, Any]:
    """The JSON that a module of the program prints; raises BadInput."""
    found = importlib.util.find_spec(PROGRAM)
    if found is None or not found.origin:
        raise BadInput(
            "the Pulumi program is not here: run this in the project's folder, after source ./activate"
        )
    environment = os.environ | {"PYTHONPATH": str(Path(found.origin).parents[1])}
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"{PROGRAM}.{module}", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadInput(f"{PROGRAM}.{module} did not end within {SECONDS} s: run it again") from None
    if done.returncode:
        raise BadInput(done.stderr.strip())
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
