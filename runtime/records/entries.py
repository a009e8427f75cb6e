"""Numbered entries in a folder, 0001.json, 0002.json, ...: of several writers only one can append the next.

A writer links a complete file to the next number. link() fails if that name exists, on a local disk and on
NFS.
"""

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUFFIX = ".json"

Entry = dict[str, Any]


class EntryExists(Exception):
    """Another writer has appended an entry of this number."""


def path(folder: Path, number: int) -> Path:
    return folder / f"{number:04}{SUFFIX}"


def numbers(folder: Path) -> list[int]:
    stems = [name.removesuffix(SUFFIX) for name in listing(folder) if name.endswith(SUFFIX)]
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def listing(folder: Path) -> list[str]:
    """The names in a folder; none if it is not there."""
    # An NFS client asks the server for a listing. About a single name it may answer from its cache.
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        # It may only remember that the folder was not there.
        try:
            return os.listdir(folder) if exists(folder) else []
        except FileNotFoundError:
            return []


def read_all(folder: Path) -> list[Entry]:
    return [read(path(folder, number)) for number in numbers(folder)]


def read(entry: Path) -> Entry:
    content: Entry = json.loads(entry.read_bytes())
    return content


def exists(name: Path) -> bool:
    """Whether a file or folder is there, as the disk's server sees it."""
    # An NFS client may remember for a minute that a name is not there. A look into the folder makes it ask.
    with contextlib.suppress(FileNotFoundError), os.scandir(name.parent) as listing:
        next(listing, None)
    return name.exists()


def modified(entry: Path) -> float:
    # To open a file makes an NFS client ask the server for its times; stat alone may answer from a cache.
    with open(entry, "rb") as file:
        return os.fstat(file.fileno()).st_mtime


@contextlib.contextmanager
def draft(folder: Path, content: Entry) -> Iterator[Path]:
    """A complete file, safely on the disk, that is not an entry yet."""
    file_name = folder / f".{uuid.uuid4().hex}"
    try:
        with open(file_name, "xb") as file:
            file.write(json.dumps(content).encode())
            file.flush()
            os.fsync(file.fileno())
        yield file_name
    finally:
        file_name.unlink(missing_ok=True)


def append(folder: Path, number: int, written: Path) -> None:
    """Make a draft entry NUMBER; raises EntryExists if another writer was quicker."""
    try:
        os.link(written, path(folder, number))
    except OSError as error:
        # An NFS server may make a link and die before it answers. The client then asks again, and is refused.
        # link(2) says to look whether the link is there.
        if os.stat(written).st_nlink == 1:
            if isinstance(error, FileExistsError):
                raise EntryExists(f"{folder} has an entry {number} already") from None
            raise
    sync(folder)


def add(folder: Path, number: int, content: Entry) -> None:
    """Write entry NUMBER; raises EntryExists if another writer was quicker."""
    with draft(folder, content) as written:
        append(folder, number, written)


def sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
