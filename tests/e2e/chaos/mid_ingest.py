"""Kills the File Manager as soon as an ingest is on record as begun: `python3 - LEDGER PID SECONDS`.

It runs on the node of the File Manager. It prints what the record says a second later: `ingesting` if the
File Manager died before its answer was on record, `ingest` if it died after.
"""

import json
import os
import signal
import sys
import time

YOUNG = 120  # seconds; in older folders nothing is going on
LISTING = 0.3  # seconds between two looks for new folders


def young_folders(ledger: str) -> list[str]:
    folders = [job.path for event in os.scandir(ledger) if event.is_dir() for job in os.scandir(event.path)]
    return [folder for folder in folders if time.time() - os.stat(folder).st_mtime < YOUNG]


def records(folders: list[str]) -> dict[str, int]:
    """The product journals and their sizes."""
    found = {}
    for folder in folders:
        for name in os.listdir(folder):
            if name.startswith("products-"):
                path = os.path.join(folder, name)
                found[path] = os.stat(path).st_size
    return found


def kinds(path: str) -> list[str]:
    with open(path, "rb") as file:
        return [json.loads(line)["kind"] for line in file if line.strip()]


def main(ledger: str, process: int, seconds: float) -> str:
    end = time.monotonic() + seconds
    known: dict[str, int] = {}
    listed = 0.0
    while time.monotonic() < end:
        if time.monotonic() - listed > LISTING:
            folders, listed = young_folders(ledger), time.monotonic()
            known = {**records(folders), **known}
        for path, size in records(folders).items():
            if size == known.get(path, 0):
                continue
            known[path] = size
            before = kinds(path)
            if before[-1] == "ingesting":
                os.kill(process, signal.SIGKILL)
                time.sleep(1)
                after = kinds(path)[len(before) :]
                return after[0] if after else "ingesting"
    sys.exit(f"no ingest began within {seconds:g} s")


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
