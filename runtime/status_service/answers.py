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
    short: list[Literal["memory", "disk"]] = Field(
        description="What the broker is short of: it takes no message meanwhile"
    )
    blocked: int = Field(description="Connections that wait to publish")


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
    over: bool = Field(
        description="What its batches lack never comes: it is empty, no job runs, and all is silent"
    )
    paused: bool | None = Field(
        description="Whether no worker takes jobs of the event until it is resumed. While the share does not "
        "answer, it is as the share told last; null if it never has"
    )


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
    changed: float = Field(description="When it or a job of it was heard of last")
    waiting: int = Field(description="Jobs that have not begun, also if they do not come any more")
    states: Counts
    ended: int
    queued: int = Field(description="Jobs that wait in the queue: those to come, and those redriven")
    left: int = Field(description="Jobs that are queued, run, or wait for another run")
    interrupted: bool = Field(description="Its submission was broken off: no job of it comes any more")
    done: bool = Field(description="All jobs that were submitted have ended")
    note: str = Field(description="The same in words; empty while its jobs go on")


class Alarm(BaseModel):
    name: str
    severity: Literal["warning", "critical"]
    labels: dict[str, str] = Field(description="What it is about, such as the event")
    summary: str
    description: str = Field(description="What to do")
    began: float = Field(description="Since when its condition has held")
    held: float = Field(description="When its condition held last")


class Overview(BaseModel):
    at: float
    behind: int = Field(description="Announcements that wait to be taken in: jobs and batches lack them")
    alarms: list[Alarm] = Field(
        description="What is wrong now, the worst first; also what is an alarm only if it goes on"
    )
    broker: BrokerState
    queues: list[Queues]
    nodes: list[Slots]
    jobs: dict[str, Counts] = Field(description="Jobs by event and state")
    batches: list[Batch] = Field(description="The newest, at the same moment: the numbers add up")


class Batches(BaseModel):
    batches: list[Batch]


class CancelledBatch(BaseModel):
    batch: str
    event: str
    stopped: int = Field(description="Jobs that had begun")
    waiting: int = Field(description="Jobs that had not begun")
    done: bool
    text: str


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
    done: bool = Field(description="False for a dry run: the state is that of now")
    text: str


class Reason(BaseModel):
    event: str
    reason: str | None = Field(description="Without what is one job's own, for which there is a …")
    jobs: int
    example: str = Field(description="Id of one of these jobs")


class Reasons(BaseModel):
    reasons: list[Reason]


class Container(BaseModel):
    service: str
    slot: int
    id: str
    state: str = Field(description="Docker's word for the state of a task")
    wanted: str
    since: float


class Machine(BaseModel):
    at: float = Field(description="When this was heard")
    fresh: bool = Field(description="Whether it was heard within the last seconds")
    disk: int = Field(description="Bytes of the disk that docker keeps images and containers on")
    disk_free: int
    memory: int
    memory_free: int
    load: float = Field(description="Processes that run or wait to run, over the last minute")
    share: int | None = Field(description="Bytes of the share; null where it is not mounted")
    share_free: int | None
    clock_offset: float | None = Field(description="Seconds that its clock is ahead of the broker's")


class SwarmNode(BaseModel):
    id: str
    name: str
    role: Literal["manager", "worker"]
    availability: Literal["active", "pause", "drain"]
    state: str = Field(description="ready, down, unknown or disconnected")
    address: str
    leader: bool
    processors: float
    memory: int
    engine: str = Field(description="Docker's version")
    machine: Machine | None = Field(description="As a container on it sees it; null if none has told")
    containers: list[Container]


class SwarmService(BaseModel):
    id: str
    name: str
    image: str
    replicas: int
    running: int
    updated: float
    memory: int | None = Field(description="Bytes that each container may have; null without a limit")
    processors: float | None = Field(description="The same of processors")


class Certificate(BaseModel):
    name: str
    begins: float
    ends: float


class Secret(BaseModel):
    name: str
    generated: bool = Field(description="By pulumi up; the others were chosen by somebody")
    made: float = Field(description="When docker got it")


class Swarm(BaseModel):
    at: float | None = Field(description="When this was heard; null if nothing was")
    fresh: bool = Field(description="Whether it was heard within the last seconds")
    nodes: list[SwarmNode]
    services: list[SwarmService]
    certificates: list[Certificate] = Field(description="Of the swarm and its managers")
    secrets: list[Secret] = Field(description="Of our services; never what they hold")


class Change(BaseModel):
    number: int = Field(description="For the parameter before")
    at: float
    kind: Literal["node", "service", "container", "action"]
    subject: str = Field(description="The node's, the service's or the action's name")
    what: str
    who: str | None
    event: str | None
    batch: str | None


class Changes(BaseModel):
    changes: list[Change]


class JobChange(BaseModel):
    at: float
    subject: str
    what: str
    who: str | None
    before: dict[str, str | list[str] | None] = Field(description="Values of metadata that it replaced")


class JobChanges(BaseModel):
    changes: list[JobChange]


class Redriven(BaseModel):
    event: str
    redriven: int
    left: int = Field(description="Dead jobs that stay dead")
    jobs: list[str]
    batches: dict[str, int] = Field(description="Jobs of each batch; those of none have an empty name")
    done: bool = Field(description="False for a dry run: this is what would be done")
    text: str = Field(description="Such as: 412 jobs of 2 batches")


class Redriving(BaseModel):
    event: str
    messages: int = Field(description="Of the dead queue, when it began")
    read: int = Field(description="How many of them it has looked at")
    jobs: int = Field(description="Dead jobs that fit, until now")
    text: str


class Paused(BaseModel):
    event: str
    paused: bool
    changed: bool
    done: bool
    text: str


class Drained(BaseModel):
    node: str
    availability: str
    containers: int = Field(description="Containers on it now")
    running: int = Field(description="Jobs that run on it now")
    done: bool
    text: str


class Deleted(BaseModel):
    event: str
    products: int
    jobs: int
    unfinished: int = Field(description="Jobs that have not ended: their products stay")
    left: int = Field(description="Jobs that the same request again goes on with")
    done: bool
    text: str


class Condition(BaseModel):
    id: str
    defined: bool = Field(description="Whether the policy has it: OODT refuses the event if not")
    name: str
    class_name: str
    properties: dict[str, str] = Field(description="Its configuration, with variables filled in")


class Task(Condition):
    pge_config: str | None = Field(description="Configuration file of a PGE task, as a container sees it")
    required: list[str] = Field(description="Metadata without which a job is dead at once")
    conditions: list[Condition] = Field(description="What has to hold before it begins")


class Workflow(BaseModel):
    id: str
    defined: bool = Field(description="Whether the policy has it: OODT refuses the event if not")
    name: str
    file: str
    tasks: list[Task] = Field(description="They run one after the other")


class EventSettings(BaseModel):
    max_workflows: int = Field(description="Jobs at once on each Workflow Manager")
    priority: Literal["normal", "high"]
    max_attempts: int = Field(description="Runs of a job until it is dead")
    job_timeout: int = Field(description="Seconds that a run may take")


class EventWorkflows(BaseModel):
    event: str
    workflows: list[Workflow] = Field(description="OODT starts them side by side; none if no policy has any")
    settings: EventSettings | None = Field(description="null if no Workflow Manager takes its jobs")


class Workflows(BaseModel):
    problems: list[str] = Field(description="What of the policies cannot be read, or names nothing")
    workflow_managers: SwarmService | None = Field(description="null while the swarm is not known")
    events: list[EventWorkflows]


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
AWAY: dict[int | str, dict[str, Any]] = {
    503: {"model": Error, "description": "The broker, the share or the swarm service does not answer"}
}
