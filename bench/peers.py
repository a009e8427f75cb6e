"""The peers that figures are compared with, in a Python environment of their own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / ".toolchain" / "bench"
PYTHON = ENVIRONMENT / "bin" / "python"
REQUIREMENTS = ROOT / "bench" / "requirements.txt"
INSTALL_SECONDS = 600
QUERY_SECONDS = 20


def install() -> None:
    """Install the peers from the package index, unless they are installed."""
    installed = ENVIRONMENT / "requirements.txt"
    if installed.exists() and installed.read_text() == REQUIREMENTS.read_text():
        return
    subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True, timeout=INSTALL_SECONDS
    )
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--requirement", str(REQUIREMENTS)]
    subprocess.run(command, check=True, timeout=INSTALL_SECONDS)
    installed.write_text(REQUIREMENTS.read_text())


def version(package: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run(
        [str(PYTHON), "-c", code], check=True, capture_output=True, text=True, timeout=QUERY_SECONDS
    )
    return done.stdout.strip()
