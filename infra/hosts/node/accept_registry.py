"""For the operator to run as root on a host: let its docker take images from one more registry without TLS.

    ssh HOST sudo python3 - ADDRESS:5000 <infra/hosts/node/accept_registry.py

Everything else in docker's configuration stays as it is. Docker reads the list again without a restart, so
that containers go on. Only the standard library of Python 3.9 and later is needed.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
from typing import Any

CONFIGURATION = pathlib.Path("/etc/docker/daemon.json")
PROCESS_ID = pathlib.Path("/var/run/docker.pid")
KEY = "insecure-registries"
RELOAD_TIMEOUT = 30  # seconds


def accept(registry: str, file: pathlib.Path) -> bool:
    """Add the registry; False where it is there already."""
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    registries = found.setdefault(KEY, [])
    if registry in registries:
        return False
    registries.append(registry)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(found, indent=2) + "\n")
    if file.exists():
        shutil.copymode(file, draft)
    draft.replace(file)
    return True


def reload() -> None:
    if pathlib.Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "reload", "docker"], check=True, timeout=RELOAD_TIMEOUT)
    else:
        os.kill(int(PROCESS_ID.read_text()), signal.SIGHUP)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} ADDRESS:PORT")
    changed = accept(sys.argv[1], CONFIGURATION)
    reload()
    print(f"{CONFIGURATION} {'names now' if changed else 'named already'} {sys.argv[1]}; docker has read it")


if __name__ == "__main__":
    main()
