"""The log of our processes: one JSON object a line on standard error, which is the container's log.

Time, level, process and message come first, for people who read it. After them stands what the line is about,
as far as it is known: the node, and event, batch, job and run by the names that all parts use.
"""

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from runtime import names
from runtime.messaging.excerpt import without_logins

_about: ContextVar[Mapping[str, str]] = ContextVar("about")
AUTHORIZATION = re.compile(r"\b(Bearer|Basic) +[A-Za-z0-9._~+/-]{6,}=*")

log = logging.getLogger(__name__)


def about(**fields: str | None) -> None:
    """Say what this task, and each that it begins, is about from now on; None is nothing of the kind."""
    _about.set({name: value for name, value in {**_about.get({}), **fields}.items() if value is not None})


def configure(process: str, *, env: Mapping[str, str] = os.environ) -> None:
    """Log as PROCESS, from now on to its end."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process, node=env.get(names.NODE_NAME)))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)
    # pika reports each failed connection in a dozen lines; runtime.messaging.broker says the same in one.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    sys.excepthook = _on_end_by_exception


class JsonLines(logging.Formatter):
    """Makes a record one line of JSON, without passwords and tokens."""

    def __init__(self, process: str, *, node: str | None = None) -> None:
        super().__init__()
        self._process = process
        self._node = {"node": node} if node else {}

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "process": self._process,
            "message": without_secrets(record.getMessage()),
            **_about.get({}),
            **self._node,
            "logger": record.name,
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = without_secrets("".join(traceback.format_exception(*record.exc_info)))
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def without_secrets(text: str) -> str:
    """TEXT without logins in URLs, and without tokens of HTTP's header."""
    return AUTHORIZATION.sub(r"\1 ...", without_logins(text))


def _on_end_by_exception(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    log.critical("ended by an error: %s", error, exc_info=(kind, error, trace))
