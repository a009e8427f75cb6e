"""The copy of workflow folders that containers see: which file gets which place below OODT_HOME."""

import io
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

PARTS = ("policy", "pge-configs", "pges")
LEFT_OUT = ("__pycache__", ".git", ".DS_Store")


def files(directories: Sequence[Path], parts: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """(path in the copy, file or folder) of these parts of the workflows, in a fixed order.

    The first workflow's policy is workflows/policy, a further one's workflows/NAME/policy; each has
    workflows/NAME/pge-configs and pges/NAME.
    """
    for index, directory in enumerate(directories):
        name = directory.name
        places = {
            "policy": "workflows/policy" if index == 0 else f"workflows/{name}/policy",
            "pge-configs": f"workflows/{name}/pge-configs",
            "pges": f"pges/{name}",
        }
        for part in parts:
            place, top = places[part], directory / part
            yield place, top
            for path in sorted(top.rglob("*")):
                inner = path.relative_to(top)
                if not any(name in LEFT_OUT for name in inner.parts):
                    yield f"{place}/{inner.as_posix()}", path


def archive(directories: Sequence[Path], parts: Sequence[str] = PARTS) -> bytes:
    """The copy as a tar: the same bytes for the same content, readable by every user of a container.

    The entry ``jobs`` beside a workflow's programs leads to its job folders, where OODT's users expect them.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in files(directories, parts):
            info = tar.gettarinfo(path, name)
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            info.mtime = 0
            info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
            if info.isreg():
                with path.open("rb") as stream:
                    tar.addfile(info, stream)
            else:
                tar.addfile(info)
        for directory in directories if "pges" in parts else ():
            jobs = tarfile.TarInfo(f"pges/{directory.name}/jobs")
            jobs.type = tarfile.SYMTYPE
            jobs.linkname = f"/usr/local/oodt/jobs/{directory.name}"
            tar.addfile(jobs)
    return buffer.getvalue()
