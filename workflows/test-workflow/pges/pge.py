"""A stand-in for a science program: it reads a file, takes memory, works, writes a file, exits as told."""

import argparse
import os
import sys
import time
from array import array

MEGABYTE = 1024 * 1024
STEP = 1.0  # seconds of work between two looks at the clock


def read(path: str) -> int:
    """Read a file to its end and return its size."""
    size = 0
    with open(path, "rb") as file:
        while chunk := file.read(MEGABYTE):
            size += len(chunk)
    return size


def work(seconds: float, heap_mb: int) -> None:
    """Hold `heap_mb` megabytes and change them again and again for `seconds`."""
    heap = array("d", bytes(heap_mb * MEGABYTE))
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for index in range(0, len(heap), 512):  # one value of each page of memory
            heap[index] += 1
        time.sleep(min(STEP, left))


def write(path: str, size_mb: int) -> None:
    block = os.urandom(MEGABYTE)
    with open(path, "wb") as file:
        for _ in range(size_mb):
            file.write(block)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in", dest="input", help="a file to read first")
    parser.add_argument("--out", required=True, help="the file to write")
    parser.add_argument("--seconds", type=float, default=1, help="how long to work (default: %(default)s)")
    parser.add_argument("--size-mb", type=int, default=1, help="size of the file (default: %(default)s)")
    parser.add_argument("--heap-mb", type=int, default=1, help="memory to hold (default: %(default)s)")
    parser.add_argument("--exit-code", type=int, default=0, help="what to exit with (default: %(default)s)")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.input:
        print(f"{given.input}: {read(given.input)} bytes read")
    work(given.seconds, given.heap_mb)
    write(given.out, given.size_mb)
    print(f"{given.out}: {given.size_mb} MB written")
    sys.exit(given.exit_code)


if __name__ == "__main__":
    main()
