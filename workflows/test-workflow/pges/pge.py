"""A stand-in for a science program: it reads a file, takes memory, works, writes a file, exits as told.

    python3 -S pge.py out=FILE [in=FILE] [seconds=1] [size_mb=1] [heap_mb=1] [exit_code=0]

in: a file to read first. out: the file to write, of size_mb. seconds: how long to work. heap_mb: memory to
hold. Its start is a part of each job: it imports little, since argparse alone takes as long as Python.
"""

import os
import sys
import time

MEGABYTE = 1024 * 1024
PAGE = 4096
STEP = 1.0  # seconds of work between two looks at the clock
OPTIONS = {"in": str, "out": str, "seconds": float, "size_mb": int, "heap_mb": int, "exit_code": int}
DEFAULTS = {"seconds": 1.0, "size_mb": 1, "heap_mb": 1, "exit_code": 0}


def options(arguments: list[str]) -> dict:
    """The values of KEY=VALUE arguments; exits with 2 if one cannot be used."""
    given = dict(DEFAULTS)
    for argument in arguments:
        key, _, value = argument.partition("=")
        try:
            given[key] = OPTIONS[key](value)
        except (KeyError, ValueError):
            print(f"pge.py: {argument!r} is no option, or has a wrong value\n\n{__doc__}", file=sys.stderr)
            sys.exit(2)
    return given


def read(path: str) -> int:
    """Read a file to its end and return its size."""
    size = 0
    with open(path, "rb") as file:
        while chunk := file.read(MEGABYTE):
            size += len(chunk)
    return size


def work(seconds: float, heap_mb: int) -> None:
    """Hold `heap_mb` megabytes and change them again and again for `seconds`."""
    heap = bytearray(heap_mb * MEGABYTE)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for index in range(0, len(heap), PAGE):
            heap[index] ^= 1
        time.sleep(min(STEP, left))


def write(path: str, size_mb: int) -> None:
    block = os.urandom(MEGABYTE)
    with open(path, "wb") as file:
        for _ in range(size_mb):
            file.write(block)


def main() -> None:
    given = options(sys.argv[1:])
    if "in" in given:
        print(f"{given['in']}: {read(given['in'])} bytes read")
    work(given["seconds"], given["heap_mb"])
    write(given["out"], given["size_mb"])
    print(f"{given['out']}: {given['size_mb']} MB written")
    sys.exit(given["exit_code"])


if __name__ == "__main__":
    main()
