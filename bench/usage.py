"""What a process of this machine uses."""

from contextlib import suppress
from pathlib import Path


def memory(pid: int) -> float:
    """Its share of memory (PSS), in MiB: what it shares with others counts in parts."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(rollup.partition("\nPss:")[2].split()[0]) / 1024


def cpu_seconds(pid: int) -> float:
    """Processor time that its threads have used so far, to the microsecond."""
    used = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            used += int((thread / "schedstat").read_text().split()[0])
    return used / 1e9


def command(pid: int) -> str:
    """Its command line."""
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
