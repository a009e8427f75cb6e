"""What a batch will cost on a cluster that is paid by the hour, as far as that is known beforehand."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runtime.cli import program
from runtime.cli.results import BadInput, CliError
from runtime.cli.status_client import status_client
from runtime.environment import SettingError

LOOKED_AT = 100  # jobs; the newest that succeeded
MINUTE = 60  # seconds


@dataclass(frozen=True, kw_only=True)
class BatchCost:
    """The batch in ``slots`` that run at once; ``seconds`` of a job are None where no job has told them.

    ``cluster`` is what the program says of the hours, and ``why`` says why there are no seconds.
    """

    jobs: int
    slots: int
    seconds: float | None
    why: str
    cluster: Mapping[str, Any]

    @property
    def of_a_job(self) -> float:
        """Seconds of a job: as they were, or a minute, by which others can be reckoned."""
        return MINUTE if self.seconds is None else self.seconds

    @property
    def duration(self) -> float:
        """Seconds from the first job to the last, if nothing else runs."""
        return math.ceil(self.jobs / self.slots) * self.of_a_job

    @property
    def usd(self) -> float | None:
        hourly, lease = self.cluster["hourly"], self.cluster["lease_hour"]
        if hourly is None:
            return None
        leases = (lease or 0.0) * self.jobs * self.of_a_job
        return float(hourly * self.duration + leases) / 3600

    def lines(self) -> list[str]:
        cost = "without a price here" if self.usd is None else f"{self.usd:.2f} USD of the cluster's hours"
        takes = f"{_time(self.duration)}, {cost}"
        if self.seconds is None:
            found = f"how long a job takes is not known ({self.why}): for each minute of it, the batch takes"
        else:
            found = f"a job took {_time(self.seconds)} (mean of those that succeeded last): the batch takes"
        return [
            f"{self.slots} jobs run at once; {found} {takes}",
            "not in it: jobs that are tried again, what a workflow reads and writes on the share, the hours "
            "before and after the batch; the cluster costs the same without jobs",
            str(self.cluster["text"]),
        ]

    def as_json(self) -> dict[str, Any]:
        own = {"slots": self.slots, "job_seconds": self.seconds, "batch_seconds": None, "usd": None}
        if self.seconds is not None:
            own |= {"batch_seconds": self.duration, "usd": self.usd}
        return own | {"cluster": dict(self.cluster)}


def reckon(event: str, jobs: int) -> BatchCost | str:
    """The cost, or why there is none here. Raises BadInput."""
    try:
        cluster = program.ask("aws.cost")["cost"]
    except BadInput as problem:
        return str(problem)
    if cluster is None:
        return "only clusters on target aws have one"
    slots = cluster.pop("slots")
    if event not in slots:
        raise BadInput(f"--event is {event!r}: the stack's workflows have the events {', '.join(slots)}")
    seconds, why = _job_seconds(event)
    return BatchCost(jobs=jobs, slots=slots[event], seconds=seconds, why=why, cluster=cluster)


def _job_seconds(event: str) -> tuple[float | None, str]:
    """The mean of the newest jobs of the event that succeeded, else why there is none."""
    try:
        listed = status_client().jobs(limit=LOOKED_AT, event=event, state="SUCCEEDED")
    except (CliError, SettingError) as problem:
        return None, str(problem).partition(":")[0]
    took = [each["ended"] - each["started"] for each in listed if each["started"] and each["ended"]]
    return (sum(took) / len(took), "") if took else (None, f"no job of {event} has succeeded yet")


def _time(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    if hours:
        return f"{hours} h {rest // 60} min"
    return f"{rest // 60} min {rest % 60} s" if rest >= MINUTE else f"{rest} s"
