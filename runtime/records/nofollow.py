"""Lists, reads and deletes what is in a folder. Links in it are deleted, not followed.

Whoever owns a part of the folder may replace a folder by a link at any moment. So each step opens the next
folder relative to the one that is open already, with O_NOFOLLOW.
"""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import BinaryIO, Self

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class NoFollowFolder:
    """A folder, open while used as a context manager. Paths are relative to it."""

    def __init__(self, root: Path) -> None:
        if root.resolve() == Path("/"):
            raise ValueError(f"{root} is the root of the file system")
        self.root = root

    def __enter__(self) -> Self:
        self._handle = os.open(self.root, FOLDER)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def files(self) -> Iterator[tuple[PurePath, os.stat_result]]:
        """Everything that is not a folder. A link is listed itself, not its target."""
        for folder, folders, names, handle in os.fwalk(".", dir_fd=self._handle, follow_symlinks=False):
            for name in (*names, *folders):
                with contextlib.suppress(FileNotFoundError):
                    about = os.stat(name, dir_fd=handle, follow_symlinks=False)
                    if name in names or not _is_folder(about):
                        yield PurePath(folder, name), about

    def entries(self, depth: int) -> Iterator[tuple[PurePath, os.stat_result]]:
        """Files, links and folders at this depth. Depth 1 is the folder's own entries."""
        for folder, folders, names, handle in os.fwalk(".", dir_fd=self._handle, follow_symlinks=False):
            level = len(PurePath(folder).parts) + 1
            if level == depth:
                for name in (*names, *folders):
                    with contextlib.suppress(FileNotFoundError):
                        yield PurePath(folder, name), os.stat(name, dir_fd=handle, follow_symlinks=False)
            if level >= depth:
                folders.clear()

    def about(self, path: PurePath) -> os.stat_result | None:
        """What is there; None if nothing is, or a folder on the way is a link."""
        try:
            with self._open(path.parent) as parent:
                # An NFS client may remember for a minute what was there. A look into the folder makes it ask.
                with os.scandir(parent) as listing:
                    next(listing, None)
                return os.stat(path.name, dir_fd=parent, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None
            raise

    def open(self, path: PurePath) -> BinaryIO:
        """Open a file for reading; raises OSError if a part of its path is a link, or if it is a folder."""
        with self._open(path.parent) as parent:
            # A pipe in its place would keep a reader waiting.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            return os.fdopen(os.open(path.name, flags, dir_fd=parent), "rb")

    def remove(self, path: PurePath) -> None:
        """Delete a file, a link, or a folder with its content. It may be gone already."""
        with contextlib.suppress(FileNotFoundError), self._open(path.parent) as parent:
            if _is_folder(os.stat(path.name, dir_fd=parent, follow_symlinks=False)):
                shutil.rmtree(path.name, dir_fd=parent)
            else:
                os.unlink(path.name, dir_fd=parent)

    def remove_empty_folders(self, *, below: int) -> None:
        """Delete empty folders that are deeper than BELOW."""
        for folder, folders, _, handle in os.fwalk(
            ".", topdown=False, dir_fd=self._handle, follow_symlinks=False
        ):
            if len(PurePath(folder).parts) >= below:
                for name in folders:
                    with contextlib.suppress(OSError):
                        os.rmdir(name, dir_fd=handle)

    @contextlib.contextmanager
    def _open(self, folder: PurePath) -> Iterator[int]:
        with contextlib.ExitStack() as stack:
            handle = self._handle
            for part in folder.parts:
                if part == "..":
                    raise ValueError(f"{folder} leads out of {self.root}")
                handle = os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=handle)
                stack.callback(os.close, handle)
            yield handle


def _is_folder(about: os.stat_result) -> bool:
    return stat.S_ISDIR(about.st_mode)
