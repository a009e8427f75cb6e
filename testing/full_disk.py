"""A disk that is full: a file can be made and emptied, but nothing can be written to it.

A command that is killed between making a file and writing it leaves the same.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def full_disk() -> Iterator[None]:
    """Let this process write to no file as long as the context lasts; the errors end there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with suppress(OSError):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
