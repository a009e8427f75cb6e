"""Where the share is mounted, and where the File Manager is, for commands that run there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime import names
from runtime.environment import SettingError, address


@dataclass(frozen=True, kw_only=True)
class Share:
    """The folders that all nodes have in common."""

    archive: Path
    jobs: Path
    ledger: Path


def share(env: Mapping[str, str] = os.environ) -> Share:
    """The folders that the environment names; raises SettingError."""
    if not env.get(names.OODT_JOBS):
        raise SettingError(
            f"{names.OODT_ARCHIVE} is set and {names.OODT_JOBS} is not: set it to the jobs' folder, "
            f"or neither of them, for the cluster of the stack"
        )
    ledger = env.get(names.OODT_LEDGER) or names.LEDGER_DIR
    return Share(archive=Path(env[names.OODT_ARCHIVE]), jobs=Path(env[names.OODT_JOBS]), ledger=Path(ledger))


def file_manager(env: Mapping[str, str] = os.environ) -> str:
    """The File Manager's address; raises SettingError."""
    name = names.PROXIED_FILEMGR_URL if env.get(names.PROXIED_FILEMGR_URL) else names.FILEMGR_URL
    return address(env, name, default=names.DEFAULT_FILEMGR_URL, schemes=("http", "https"))
