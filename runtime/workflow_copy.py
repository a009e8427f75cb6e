"""The copy of workflow folders that containers see: which file gets which place below OODT_HOME."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from runtime import names
from runtime.policy.places import PARTS, Places
from runtime.policy_variables import fill

LEFT_OUT = ("__pycache__", ".git", ".DS_Store")
# In the copy of a policy: the workflow's own variables, each as NAME=VALUE, ended by a zero byte.
VARIABLES_FILE = ".variables"
NO_VARIABLES: Mapping[str, Mapping[str, str]] = MappingProxyType({})


class UncopiedError(ValueError):
    """Something in a workflow's folder that cannot be copied; the message names its path and says why."""


def files(directories: Sequence[Path], parts: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """(path in the copy, file or folder) of these parts of the workflows, in a fixed order.

    The first workflow's policy is workflows/policy, a further one's workflows/NAME/policy; each has
    workflows/NAME/pge-configs and pges/NAME. Raises UncopiedError.
    """
    for index, directory in enumerate(directories):
        workflow = Places.of(directory)
        targets = {
            "policy": _policy(index, directory),
            "pge-configs": f"workflows/{workflow.name}/pge-configs",
            "pges": f"pges/{workflow.name}",
        }
        for part in parts:
            # In its place a container has the way to the workflow's job folders.
            left_out = (*LEFT_OUT, "jobs") if part == "pges" else LEFT_OUT
            yield from _below(workflow.part(part), targets[part], left_out, above=())


def _policy(index: int, directory: Path) -> str:
    return "workflows/policy" if index == 0 else f"workflows/{directory.name}/policy"


def _add(tar: tarfile.TarFile, info: tarfile.TarInfo, content: bytes) -> None:
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _below(
    path: Path, target: str, left_out: Sequence[str], above: tuple[Path, ...]
) -> Iterator[tuple[str, Path]]:
    """The path and all in it, links as what they lead to; ``above`` are the real folders around it."""
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):  # of a link that leads to itself, Python 3.11 says the latter
        leads = f", a link to {os.readlink(path)}," if path.is_symlink() else ""
        raise UncopiedError(f"{path}{leads} leads to nothing.") from None
    if path.is_symlink() and any(outer.is_relative_to(real) for outer in above):
        raise UncopiedError(f"{path} is a link to {real}, a folder that it is in.")
    if path.is_file():
        if not os.access(path, os.R_OK):
            raise UncopiedError(f"{path} cannot be read.")
        yield target, path
        return
    if not path.is_dir():
        raise UncopiedError(f"{path} is neither a file nor a folder.")
    yield target, path
    try:
        names = sorted(os.listdir(path))
    except OSError as problem:
        raise UncopiedError(f"{path} cannot be read ({problem.strerror}).") from None
    for name in names:
        if name not in left_out:
            yield from _below(path / name, f"{target}/{name}", LEFT_OUT, (*above, real))


def archive(
    directories: Sequence[Path],
    parts: Sequence[str] = PARTS,
    variables: Mapping[str, Mapping[str, str]] = NO_VARIABLES,
) -> bytes:
    """The copy as a tar: the same bytes for the same content, readable by every user of a container.

    The entry ``jobs`` beside a workflow's programs leads to its job folders, where OODT's users expect them.
    ``variables`` are those of each workflow's own, by its name. Its policy has their values. A copy that has
    the programs too has a file of them for the Workflow Manager. Raises UncopiedError.
    """
    known = {
        f"{_policy(index, each)}/": variables.get(each.name, {}) for index, each in enumerate(directories)
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, dereference=True) as tar:
        for name, path in files(directories, parts):
            info = tar.gettarinfo(path, name)
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            info.mtime = 0
            info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
            own = known.get(f"{os.path.dirname(name)}/")
            if own and name.endswith(".xml") and info.isreg():
                _add(tar, info, fill(path.read_bytes(), own))
            elif info.isreg():
                with path.open("rb") as stream:
                    tar.addfile(info, stream)
            else:
                tar.addfile(info)
        for policy, own in known.items() if "pges" in parts else ():
            if own:
                # The engine changes the order of a map.
                lines = "".join(f"{name}={value}\0" for name, value in sorted(own.items()))
                _add(tar, tarfile.TarInfo(f"{policy}{VARIABLES_FILE}"), lines.encode())
        for directory in directories if "pges" in parts else ():
            jobs = tarfile.TarInfo(f"pges/{directory.name}/jobs")
            jobs.type = tarfile.SYMTYPE
            jobs.linkname = f"{names.JOBS_DIR}/{directory.name}"
            tar.addfile(jobs)
    return buffer.getvalue()
