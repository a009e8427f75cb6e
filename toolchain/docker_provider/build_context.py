"""The build context of an image: which files belong to it, their digest, and the archive that docker gets.

Ignore files mean the same as to docker: ``<Dockerfile>.dockerignore`` wins over ``.dockerignore``, the last
pattern that matches a path or one of its parents decides, and ``!`` includes again.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

ADDED_DOCKERFILE = ".dockerfile.outside-context"  # name of a Dockerfile that is not in the context
TRANSLATIONS = {r"\*\*/": "(.*/)?", r"\*\*": ".*", r"\*": "[^/]*", r"\?": "[^/]"}


@dataclass(frozen=True, kw_only=True)
class Pattern:
    takes_back: bool
    expression: re.Pattern[str]

    @classmethod
    def parse(cls, line: str) -> Pattern:
        takes_back, glob = line.startswith("!"), line.removeprefix("!").strip()
        glob = posixpath.normpath(glob).lstrip("/")
        parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]*\]|\\.)", glob)
        return cls(takes_back=takes_back, expression=re.compile("".join(_translated(part) for part in parts)))


def _translated(part: str) -> str:
    if part.startswith(("[", "\\")) and len(part) > 1:
        return part
    return TRANSLATIONS.get(re.escape(part).replace(r"\/", "/"), re.escape(part))


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    folder: Path
    dockerfile: Path

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        for file in (Path(f"{self.dockerfile}.dockerignore"), self.folder / ".dockerignore"):
            if file.is_file():
                lines = (line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines())
                return tuple(Pattern.parse(line) for line in lines if line and not line.startswith("#"))
        return ()

    @property
    def dockerfile_name(self) -> str:
        """The Dockerfile's path, relative to the context."""
        return os.path.relpath(self.dockerfile, self.folder)

    def paths(self) -> Iterator[str]:
        """Files, links and folders of the context, relative to it, each folder before what is in it."""
        yield from self._paths_below("", [False] * len(self.patterns))

    def _paths_below(self, folder: str, parent_matches: list[bool]) -> Iterator[str]:
        for entry in sorted(os.scandir(self.folder / folder), key=lambda entry: entry.name):
            path = posixpath.join(folder, entry.name)
            matches = [
                above or bool(pattern.expression.fullmatch(path))
                for pattern, above in zip(self.patterns, parent_matches, strict=True)
            ]
            ignored = False
            for pattern, match in zip(self.patterns, matches, strict=True):
                ignored = not pattern.takes_back if match else ignored
            if not ignored:
                yield path
            if entry.is_dir(follow_symlinks=False) and (
                not ignored or any(p.takes_back for p in self.patterns)
            ):
                yield from self._paths_below(path, matches)

    def digest(self) -> str:
        """Changes with the name, mode or content of any file, or with the target of a link."""
        total = hashlib.sha256()
        _add(total, "Dockerfile", "----------", self.dockerfile.read_bytes())
        for path in self.paths():
            file = self.folder / path
            mode = file.lstat().st_mode
            if stat.S_ISLNK(mode):
                _add(total, path, "L" + stat.filemode(mode)[1:], os.fsencode(self._target(file)))
            elif not stat.S_ISDIR(mode):
                _add(total, path, stat.filemode(mode), file.read_bytes() if stat.S_ISREG(mode) else b"")
        return total.hexdigest()

    def _target(self, link: Path) -> str:
        """The link's target; a relative one stays relative, so that it is the same on every machine."""
        target = os.path.realpath(link)
        return target if link.is_absolute() or link.readlink().is_absolute() else os.path.relpath(target)

    def archive(self) -> tuple[IO[bytes], str]:
        """An archive of the context, and the Dockerfile's name in it. All files belong to root."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        paths = list(self.paths())
        name = self.dockerfile_name
        with tarfile.open(fileobj=file, mode="w") as archive:
            for path in paths:
                archive.add(self.folder / path, path, recursive=False, filter=_as_root)
            if name.startswith("../"):
                name = ADDED_DOCKERFILE
            if name not in paths:
                archive.add(self.dockerfile, name, recursive=False, filter=_as_root)
        file.seek(0)
        return file, name


def _add(total: hashlib._Hash, name: str, mode: str, content: bytes) -> None:
    total.update(name.encode() + mode.encode() + hashlib.sha256(content).digest() + b"\0")


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
