"""Alarms that have begun and not ended, and the messages about them that were not delivered yet.

Both are in a file that is replaced as a whole: after a restart nothing is told twice, nothing is forgotten.
"""

import json
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runtime.status_service.conditions import Holding

# A condition that comes and goes is one alarm: it ends when it has not held for so long.
ENDS_SECONDS = 60.0
# Messages for a receiver that is away. The oldest are dropped.
MOST_MESSAGES = 1000

Message = dict[str, Any]
# Whether nothing is known of an alarm, by its name and labels.
Unknown = Callable[[str, Mapping[str, str]], bool]


@dataclass(kw_only=True)
class Alarm:
    """An alarm that goes on. Times are unix seconds."""

    name: str
    severity: str
    labels: dict[str, str]
    summary: str
    description: str
    began: float
    held: float = field(default=0.0)

    @property
    def key(self) -> str:
        return _key(self.name, self.labels)


class Alarms:
    """The alarms of one cluster."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._open: dict[str, Alarm] = {}
        self._messages: list[Message] = []
        self._since: dict[str, float] = {}
        self._soon: list[Alarm] = []
        self._lock = threading.Lock()
        self._begun = False
        try:
            known = json.loads(file.read_bytes())
            self._open = {alarm.key: alarm for alarm in (Alarm(**each) for each in known["open"])}
            self._messages = known["messages"]
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, LookupError):
            # It decides nothing. What holds still will be told again.
            file.unlink(missing_ok=True)

    @property
    def open(self) -> list[dict[str, Any]]:
        """Those that go on, the oldest first."""
        return [asdict(alarm) for alarm in sorted(self._open.values(), key=lambda alarm: alarm.began)]

    @property
    def now(self) -> list[dict[str, Any]]:
        """Those that go on, and what will be one if it holds for longer: the worst first, then the oldest."""
        known = [*self._open.values(), *self._soon]
        known.sort(key=lambda alarm: (alarm.severity != "critical", alarm.began))
        return [asdict(alarm) for alarm in known]

    def update(self, holding: Iterable[Holding], *, at: float, unknown: Unknown, tell: bool) -> None:
        """Begin and end alarms by what holds AT this time. With TELL there will be a message about each.

        UNKNOWN tells of which alarms nothing is known now. Raises OSError.
        """
        found = {_key(each.condition.name, each.labels): each for each in holding}
        with self._lock:
            if not self._begun:
                # Nobody has looked while this process was not there.
                self._begun = True
                for alarm in self._open.values():
                    alarm.held = at
            if self._compare(found, at, unknown, tell):
                self._write()

    def _compare(self, found: Mapping[str, Holding], at: float, unknown: Unknown, tell: bool) -> bool:
        """Whether an alarm has begun or ended."""
        self._since = {key: self._since.get(key, at) for key in found}
        changed = False
        for key, each in found.items():
            if key in self._open:
                self._open[key].held = at
            elif at - self._since[key] >= each.condition.holds:
                # Whoever looks at the console has seen it from its first moment on.
                alarm = self._open[key] = _alarm(each, began=self._since[key], held=at)
                changed = True
                self._add(alarm, None, tell)
        for key, alarm in list(self._open.items()):
            if key in found or unknown(alarm.name, alarm.labels):
                continue
            if at - alarm.held >= ENDS_SECONDS:
                del self._open[key]
                changed = True
                self._add(alarm, at, tell)
        self._soon = [
            _alarm(each, began=self._since[key], held=at)
            for key, each in found.items()
            if key not in self._open
        ]
        return changed

    def next(self) -> Message | None:
        """The oldest message that was not delivered."""
        return self._messages[0] if self._messages else None

    def delivered(self, message: Message) -> None:
        """Forget a message; raises OSError."""
        with self._lock:
            self._messages = [each for each in self._messages if each["id"] != message["id"]]
            self._write()

    def _add(self, alarm: Alarm, ended: float | None, tell: bool) -> None:
        if tell:
            self._messages = [*self._messages, message(alarm, ended)][-MOST_MESSAGES:]

    def _write(self) -> None:
        draft = self._file.with_suffix(".new")
        with open(draft, "w", encoding="utf-8") as file:
            json.dump({"open": self.open, "messages": self._messages}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._file)


def _alarm(holding: Holding, *, began: float, held: float) -> Alarm:
    return Alarm(
        name=holding.condition.name,
        severity=holding.condition.severity,
        labels=dict(holding.labels),
        summary=holding.summary,
        description=holding.description,
        began=began,
        held=held,
    )


def message(alarm: Alarm, ended: float | None) -> Message:
    """What is sent when an alarm begins or has ENDED, in the form of Prometheus's Alertmanager.

    Its receivers understand it. ``text`` is for those of chats. ``id`` is new in each message.
    """
    status = "firing" if ended is None else "resolved"
    labels = {"alertname": alarm.name, "severity": alarm.severity, **alarm.labels}
    annotations = {"summary": alarm.summary, "description": alarm.description}
    beginning = "Alarm" if ended is None else "Over"
    return {
        "id": uuid.uuid4().hex,
        "text": f"{beginning}: {alarm.summary}" + (f"\n{alarm.description}" if ended is None else ""),
        "version": "4",
        "status": status,
        "receiver": "oodt",
        "groupKey": alarm.key,
        "groupLabels": labels,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "",
        "alerts": [
            {
                "status": status,
                "labels": labels,
                "annotations": annotations,
                "startsAt": _written(alarm.began),
                "endsAt": _written(ended or 0.0),
                "generatorURL": "",
                "fingerprint": alarm.key,
            }
        ],
    }


def _key(name: str, labels: Any) -> str:
    return json.dumps([name, *sorted(labels.items())])


def _written(at: float) -> str:
    """As Go writes a time; one that is none has the year 1."""
    return datetime.fromtimestamp(at, UTC).isoformat() if at else "0001-01-01T00:00:00Z"
