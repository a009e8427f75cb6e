"""The share: real files, with the times of a simulated clock, and operations that fail or wait.

The runtime reaches the share by os and open. They are replaced for as long as a world stands, and do what
they always do unless a simulated process calls them.
"""

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.simulation.clock import PROCESS, Killed, pause

if TYPE_CHECKING:
    from tests.simulation.world import World

FAILURES = (errno.ENOSPC, errno.EIO, errno.ESTALE)
# Operations that others may overtake: what they do is seen by other workers, or sees what those did.
SHARED = frozenset({"listdir", "link", "utime", "fsync", "unlink", "rename"})

# Operations that a full disk refuses.
WRITES = frozenset({"link", "mkdir", "fsync"})


class Disk:
    def __init__(self, world: "World", share: Path) -> None:
        self._world = world
        self._share = str(share)
        self._real: dict[str, Callable[..., Any]] = {}

    @contextmanager
    def simulated(self) -> Iterator[None]:
        names = ("listdir", "scandir", "link", "utime", "mkdir", "unlink", "rename", "fsync", "open", "close")
        self._real = {name: getattr(os, name) for name in names} | {"file": builtins.open}
        opened = self._wrapped("file")
        replaced: dict[str, Any] = {name: self._wrapped(name) for name in names} | {"close": self._close}
        with (
            mock.patch.multiple(os, **replaced),
            mock.patch.object(builtins, "open", opened),
            mock.patch.object(io, "open", opened),
        ):
            yield

    def _wrapped(self, name: str) -> Callable[..., Any]:
        real = self._real[name]
        own: dict[str, Callable[..., Any]] = {
            "utime": self._utime,
            "fsync": self._fsync,
            "open": self._open,
        }
        act = own.get(name, real)

        def operation(*arguments: Any, **options: Any) -> Any:
            process = PROCESS.get()
            if process is None:
                return real(*arguments, **options)
            where = self._path(arguments[-1] if name == "link" else arguments[0])
            if not where.startswith(self._share):
                return act(*arguments, **options)
            if not process.alive:
                raise Killed
            about = f"{name} {where[len(self._share) + 1 :]}"
            if name in SHARED:
                pause(self._world.disk_seconds())
            self._world.step("disk", about)
            if self._world.happens("disk failure", about):
                number = self._world.random.choice(FAILURES)
                raise OSError(number, os.strerror(number), where)
            if self._world.loop.now < self._world.broken_until:
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), where)
            if name in WRITES and self._world.loop.now < self._world.full_until:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), where)
            answer = act(*arguments, **options)
            if name == "link":
                self._world.recorded(where)
                if self._world.happens("lost answer of link", about):
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), where)
            if name in SHARED:
                self._world.step("disk", f"after {about}")
            return answer

        return operation

    def _path(self, where: Any) -> str:
        if isinstance(where, int):
            return os.readlink(f"/proc/self/fd/{where}")
        return str(where)

    def _utime(self, path: Any, _: object = None) -> None:
        now = self._world.disk_time()
        self._real["utime"](path, (now, now))

    def _fsync(self, handle: int) -> None:
        now = self._world.disk_time()
        self._real["utime"](handle, (now, now))

    def _open(self, *arguments: Any, **options: Any) -> int:
        handle: int = self._real["open"](*arguments, **options)
        if process := PROCESS.get():
            process.files.add(handle)
        return handle

    def _close(self, handle: int) -> None:
        if process := PROCESS.get():
            process.files.discard(handle)
        self._real["close"](handle)
