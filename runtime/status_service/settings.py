"""Settings of the status service, from the environment and docker secrets."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runtime import names
from runtime.environment import SettingError, address, integer, is_http, secret
from runtime.messaging.address import broker_url, management_url
from runtime.messaging.event import Event, listed_events

DATABASE = "history.sqlite"
ALARMS = "alarms.json"


@dataclass(frozen=True, kw_only=True)
class StatusSettings:
    """``keep`` is the number of ended jobs that the history remembers.

    ``look_token`` may be empty. ``workflows`` is the folder of the policies, ``events`` are those that jobs
    are sent to. ``assets`` has the files of other projects that pages load.
    """

    broker_url: str
    management_url: str
    filemgr_url: str
    token: str
    look_token: str
    archive: Path
    workflows: Path
    events: tuple[Event, ...]
    assets: Path
    alarm_webhook: str = field(repr=False)
    ledger: Path
    jobs: Path
    database: Path
    keep: int
    port: int

    @property
    def alarms(self) -> Path:
        """The file of the alarms, beside the history."""
        return self.database.with_name(ALARMS)


def status_settings(env: Mapping[str, str] = os.environ) -> StatusSettings:
    """Settings of this container; raises SettingError."""
    described = env.get(names.EVENTS)
    return StatusSettings(
        broker_url=broker_url(env),
        management_url=management_url(env),
        filemgr_url=address(env, names.PROXIED_FILEMGR_URL, default=names.DEFAULT_FILEMGR_URL),
        token=_token(env),
        look_token=env.get(names.STATUS_LOOK_TOKEN) or secret(names.STATUS_LOOK_TOKEN_SECRET),
        archive=Path(env.get(names.OODT_ARCHIVE) or names.ARCHIVE_DIR),
        workflows=Path(env.get(names.OODT_CONFIG) or names.CONFIG_DIR),
        events=listed_events(described) if described else (),
        assets=Path(env.get(names.STATUS_ASSETS) or names.ASSETS_DIR),
        alarm_webhook=_alarm_webhook(env),
        ledger=Path(env.get(names.OODT_LEDGER) or names.LEDGER_DIR),
        jobs=Path(env.get(names.OODT_JOBS) or names.JOBS_DIR),
        database=Path(env.get(names.STATUS_DATA) or names.STATUS_DIR) / DATABASE,
        keep=integer(env, names.HISTORY_JOBS, names.DEFAULT_HISTORY_JOBS),
        port=integer(env, names.STATUS_LISTEN, names.STATUS_PORT),
    )


def _alarm_webhook(env: Mapping[str, str]) -> str:
    url = env.get(names.ALARM_WEBHOOK) or secret(names.ALARM_WEBHOOK_SECRET)
    if url and not is_http(url):
        raise SettingError(f"{names.ALARM_WEBHOOK} is no address: set it to one that begins with https://")
    return url


def _token(env: Mapping[str, str]) -> str:
    token = env.get(names.STATUS_TOKEN) or secret(names.STATUS_TOKEN_SECRET)
    if not token:
        raise SettingError(
            f"{names.STATUS_TOKEN} is not set and there is no secret {names.STATUS_TOKEN_SECRET}: "
            "set one of them to a long random text"
        )
    return token
