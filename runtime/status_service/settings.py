"""Settings of the status service, from the environment and docker secrets."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime import names
from runtime.environment import SettingError, integer, secret
from runtime.messaging.address import broker_url, management_url

DATABASE = "history.sqlite"


@dataclass(frozen=True, kw_only=True)
class StatusSettings:
    """``keep`` is the number of ended jobs that the history remembers.

    ``look_token`` may be empty. ``assets`` has the files of other projects that pages load.
    """

    broker_url: str
    management_url: str
    token: str
    look_token: str
    archive: Path
    assets: Path
    ledger: Path
    jobs: Path
    database: Path
    keep: int
    port: int


def status_settings(env: Mapping[str, str] = os.environ) -> StatusSettings:
    """Settings of this container; raises SettingError."""
    return StatusSettings(
        broker_url=broker_url(env),
        management_url=management_url(env),
        token=_token(env),
        look_token=env.get(names.STATUS_LOOK_TOKEN) or secret(names.STATUS_LOOK_TOKEN_SECRET),
        archive=Path(env.get(names.OODT_ARCHIVE) or names.ARCHIVE_DIR),
        assets=Path(env.get(names.STATUS_ASSETS) or names.ASSETS_DIR),
        ledger=Path(env.get(names.OODT_LEDGER) or names.LEDGER_DIR),
        jobs=Path(env.get(names.OODT_JOBS) or names.JOBS_DIR),
        database=Path(env.get(names.STATUS_DATA) or names.STATUS_DIR) / DATABASE,
        keep=integer(env, names.HISTORY_JOBS, names.DEFAULT_HISTORY_JOBS),
        port=integer(env, names.STATUS_LISTEN, names.STATUS_PORT),
    )


def _token(env: Mapping[str, str]) -> str:
    token = env.get(names.STATUS_TOKEN) or secret(names.STATUS_TOKEN_SECRET)
    if not token:
        raise SettingError(
            f"{names.STATUS_TOKEN} is not set and there is no secret {names.STATUS_TOKEN_SECRET}: "
            "set one of them to a long random text"
        )
    return token
