"""Free ports of this machine."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path

# The kernel gives higher ones to connections and docker to containers, between the choice and the use.
RANGE = range(20_000, 32_000)
LAST = Path(tempfile.gettempdir()) / f"oodt-test-ports-{os.getuid()}"  # the port that was chosen last


def free_port() -> int:
    """A port that nobody has; other tests that run now are given others. Raises RuntimeError."""
    with LAST.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        last = int(file.read() or RANGE.start)
        for step in range(1, len(RANGE) + 1):
            port = RANGE[(last + step - RANGE.start) % len(RANGE)]
            if _is_free(port):
                file.truncate(0)
                file.write(str(port))
                return port
    raise RuntimeError(f"no port from {RANGE.start} to {RANGE.stop - 1} is free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connection has just ended may be listened at.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
