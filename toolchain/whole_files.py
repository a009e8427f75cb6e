"""Files that are there whole or not at all, at whatever moment the command that writes them is killed."""

import os
from pathlib import Path


def unfinished(path: Path) -> Path:
    """The name that a file or a folder has while it is made or removed: nobody uses half of it."""
    return path.with_name(f"{path.name}.unfinished")


def write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file, in the place of the one that is there. Two processes must not do so at once."""
    path = path.resolve()  # a link to it stays one
    before = path.stat() if path.exists() else None
    draft = unfinished(path)
    draft.unlink(missing_ok=True)  # one that root left can be removed, but not written
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        os.fchmod(descriptor, mode)
        if before and os.geteuid() == 0:  # what root changes for a user stays the user's
            os.fchown(descriptor, before.st_uid, before.st_gid)
    put(draft, path)


def put(draft: Path, path: Path) -> None:
    """Give a finished file its name. After a power cut it is not an empty file that has the name."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
