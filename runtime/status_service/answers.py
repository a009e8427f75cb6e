"""What the API answers, as its document describes it. Times are Unix seconds."""

from typing import Any, Literal

from pydantic import BaseModel, Field

State = Literal["QUEUED", "RUNNING", "RETRYING", "SUCCEEDED", "DEAD", "CANCELLED"]
Counts = dict[State, int]
LOG = "The last of what the task that failed has written"


class Error(BaseModel):
    error: str


class Health(BaseModel):
    healthy: bool
    broker: bool = Field(description="Whether there is a connection to the broker")


class BrokerState(BaseModel):
    connected: bool
    problem: str | None


class Queues(BaseModel):
    event: str
    queued: int
    taken: int = Field(description="Taken by a consumer and not settled")
    retrying: int = Field(description="Waiting for another run")
    dead: int
    counted: bool = Field(
        description="False for some ten seconds after the broker has started: the numbers are 0 then"
    )
    consumers: int = Field(description="Workflow Managers that take jobs of the event")


class Slots(BaseModel):
    node: str
    consumers: int
    slots: int
    busy: int
    free: int


class Batch(BaseModel):
    batch: str
    event: str
    jobs: int = Field(description="As announced; jobs heard of, where no announcement was heard")
    submitted: int | None = Field(description="Once its submission has ended")
    cancelled: bool
    seen: float
    waiting: int = Field(description="Jobs that have not begun")
    states: Counts
    ended: int


class Overview(BaseModel):
    at: float
    broker: BrokerState
    queues: list[Queues]
    nodes: list[Slots]
    jobs: dict[str, Counts] = Field(description="Jobs by event and state")
    batches: list[Batch] = Field(description="The newest, at the same moment: the numbers add up")


class BatchNow(Batch):
    interrupted: bool = Field(description="Its submission was broken off: no job of it comes any more")


class Batches(BaseModel):
    batches: list[Batch]


class CancelledBatch(BaseModel):
    batch: str
    event: str
    stopped: int = Field(description="Jobs that had begun")


class Run(BaseModel):
    run: int
    state: Literal["RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]
    node: str | None
    reason: str | None
    log: str | None = Field(description=LOG)
    started: float | None
    ended: float | None


class Job(BaseModel):
    job: str
    event: str
    batch: str | None
    state: State
    run: int
    attempts: int
    node: str | None
    reason: str | None
    queued: float | None
    started: float | None
    ended: float | None
    updated: float | None
    products: list[dict[str, Any]]
    number: int = Field(0, description="For the parameter before; none for a job that has not begun")


class JobWithRuns(Job):
    log: str | None = Field(description=LOG)
    runs: list[Run]


class Alarm(BaseModel):
    name: str
    severity: Literal["warning", "critical"]
    labels: dict[str, str] = Field(description="What it is about, such as the event")
    summary: str
    description: str = Field(description="What to do")
    began: float
    held: float = Field(description="When its condition held last")


class Alarms(BaseModel):
    alarms: list[Alarm]


class Told(BaseModel):
    at: float
    by: str = Field(description="producer, broker, consumer, workflow manager, program or file manager")
    text: str
    run: int | None
    instance: str | None
    task: str | None
    log: str | None = Field(description="Name of all that a program of the instance wrote")
    bytes: int | None = Field(description="Length of the log, compressed")


class Story(BaseModel):
    story: list[Told]
    next: int | None = Field(description="For the parameter after; none on the last page")


class Jobs(BaseModel):
    jobs: list[Job]


class CancelledJob(BaseModel):
    job: str
    event: str
    state: State


class Reason(BaseModel):
    event: str
    reason: str | None
    jobs: int
    example: str = Field(description="Id of one of these jobs")


class Reasons(BaseModel):
    reasons: list[Reason]


class Forgotten(BaseModel):
    forgotten: int = Field(description="Number of jobs")


REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "A parameter cannot be used"},
    401: {"model": Error, "description": "The token is missing or wrong"},
    "default": {"model": Error, "description": "The service could not do it"},
}
UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": Error, "description": "Nothing of this name is known"}
}
AWAY: dict[int | str, dict[str, Any]] = {503: {"model": Error, "description": "The broker does not answer"}}
