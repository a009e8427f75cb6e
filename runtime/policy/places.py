"""Where a workflow's files are: in the operator's folders, and in a container."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from runtime import names

HOME = names.HOME_DIR
ARCHIVE = names.ARCHIVE_DIR
PARTS = ("policy", "pge-configs", "pges")
# Files of a folder that make an image of its own from the cluster's.
IMAGE_FILES = ("Dockerfile", "packages.txt", "requirements.txt")
# The variables of a container; None where the value depends on the cluster.
VARIABLES: Mapping[str, str | None] = {
    "OODT_HOME": HOME,
    "OODT_CONFIG": f"{HOME}/workflows",
    "OODT_JOBS": names.JOBS_DIR,
    "OODT_ARCHIVE": ARCHIVE,
    "OODT_LEDGER": names.LEDGER_DIR,
    "FILEMGR_URL": "http://localhost:9000",
    "WORKFLOW_URL": "http://localhost:9001",
    "PROXIED_FILEMGR_URL": "http://oodt-filemgr:9000",
    "PROXIED_WORKFLOW_URL": "http://localhost:8001",
    "LANG": "C.UTF-8",
    **dict.fromkeys(("MAX_WORKFLOWS", "WORKFLOW_QUEUE", "EVENTS", "MAX_ATTEMPTS", "JOB_TIMEOUT", "PROXY")),
    **dict.fromkeys(("WM_HEAP_MB", "FM_HEAP_MB", "STOP_GRACE_SECONDS", "NODE_NAME", "LEASE_SECONDS")),
    **dict.fromkeys(("PYTHONUNBUFFERED", "PATH", "HOME", "USER", "HOSTNAME", "PWD")),
    "PGE_ROOT": f"{HOME}/pges",
}
# The image's own files that a policy names.
CRAWLER = f"{HOME}/cas-crawler/policy"
CRAWLER_FILES = ("crawler-config.xml", "crawler-beans.xml", "action-beans.xml", "precondition-beans.xml")

Where = Literal["folder", "image", "absent", "elsewhere"]


class NoWorkflow(ValueError):
    """A folder that is no workflow."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """The folders of one workflow; ``environment`` are its own variables."""

    name: str
    folder: Path
    policy: Path
    pge_configs: Path
    pges: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, environment: Mapping[str, str] | None = None) -> Places:
        """The workflow in NAME/, or in workflows/NAME/ with its programs in pges/NAME/, as the original."""
        beside = folder.parent.parent / "pges" / folder.name
        original = folder.parent.name == "workflows" and not (folder / "pges").exists() and beside.is_dir()
        return cls(
            name=folder.name,
            folder=folder,
            policy=folder / "policy",
            pge_configs=folder / "pge-configs",
            pges=beside if original else folder / "pges",
            environment=environment or {},
        )

    def part(self, name: str) -> Path:
        """The folder of one of PARTS."""
        return {"policy": self.policy, "pge-configs": self.pge_configs, "pges": self.pges}[name]

    @property
    def own_image(self) -> bool:
        """Whether its programs run in an image of its own, of which nothing is known."""
        return any((self.folder / file).is_file() for file in IMAGE_FILES)

    @property
    def variables(self) -> dict[str, str | None]:
        return {**VARIABLES, **self.environment}


def find(folder: Path) -> list[Places]:
    """The workflow in this folder, or those in a folder of the original's layout. Raises NoWorkflow."""
    if (folder / "policy").is_dir():
        return [Places.of(folder)]
    named = sorted(path.parent for path in folder.glob("workflows/*/policy") if path.is_dir())
    if not named:
        raise NoWorkflow(
            f"{folder} is no workflow: it has no folder policy; a workflow has {', '.join(PARTS)}"
        )
    return [Places.of(each) for each in named]


def locate(path: str, workflows: Sequence[Places]) -> tuple[Where, Path | None]:
    """Where a container's path leads to: a folder, the image, nothing that is there, or elsewhere."""
    path = posixpath.normpath(path)
    for places in workflows:
        roots = {
            f"{HOME}/workflows/policy": places.policy,
            f"{HOME}/workflows/{places.name}/policy": places.policy,
            f"{HOME}/workflows/{places.name}/pge-configs": places.pge_configs,
            f"{HOME}/pges/{places.name}": places.pges,
        }
        for root, local in roots.items():
            inner = posixpath.relpath(path, root)
            first, _, _ = inner.partition("/")
            if first == "..":
                continue
            if local == places.pges and first == "jobs":  # leads to the share
                return "elsewhere", None
            return ("folder" if (local / inner).exists() else "absent"), local / inner
    lost = path.startswith((f"{HOME}/workflows/", f"{HOME}/pges/"))
    if path.startswith(f"{CRAWLER}/"):
        return ("image" if posixpath.basename(path) in CRAWLER_FILES else "absent"), None
    return ("absent" if lost else "elsewhere"), None
