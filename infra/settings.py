"""The stack's settings: typed, and checked before any resource is declared."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal

from pulumi.runtime import config as pulumi_config

from infra import patience, workflow_variables
from infra.addresses import POOL_PREFIX
from infra.aws.settings import KEYS as AWS_KEYS
from infra.aws.settings import AwsSettings, load_aws
from infra.hosts.settings import KEYS as HOSTS_KEYS
from infra.hosts.settings import HostsSettings, load_hosts
from infra.values import ConfigurationError, EntryValues, Values
from infra.workflow_folder import WorkflowFolderError, events_of, find
from infra.workflow_variables import file_variable, secret_path
from runtime.environment import is_http
from runtime.messaging.event import Event, Priority
from runtime.policy.places import Places

__all__ = ["KEYS", "ConfigurationError", "Settings", "Workflow", "load", "stack_config"]

Target = Literal["local", "aws", "hosts"]

KEYS = (
    "target",
    "worker_nodes",
    "wm_replicas",
    "max_workflows",
    "wm_memory",
    "wm_cpus",
    "proxy",
    "workflow_dir",
    "workflow_queue",
    "workflow_environment",
    "workflow_secrets",
    "workflows",
    "max_attempts",
    "job_timeout",
    "leave_within",
    patience.KEY,
    "prometheus",
    "alarm_webhook",
    "overlay_pool",
    "subnet",
    *AWS_KEYS,
    *HOSTS_KEYS,
)
WEBHOOK = "alarm_webhook"
WEBHOOK_EXAMPLE = "https://alarms.example.org/oodt"
MOST_SECONDS = 604_800  # a week
MOST_PATIENCE = 100
LEAST_WM_MEMORY = 640  # MiB: the Workflow Manager, gateway and consumer need most of it
WORKFLOW_KEYS = (
    *("event", "dir", "max_workflows", "priority", "max_attempts", "job_timeout"),
    *("environment", "secrets"),
)
WORKFLOW_EXAMPLE = {"event": "test-workflow", "dir": "workflows/test-workflow"}
WORKFLOWS_EXAMPLE = json.dumps([WORKFLOW_EXAMPLE])


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One OODT workflow that the cluster serves.

    ``directory`` is the operator's folder NAME/ with policy/, pge-configs/ and pges/;
    ``job_timeout`` is in seconds. ``environment`` and ``secrets`` are the same in all entries of a folder.
    """

    event: str
    directory: Path
    max_workflows: int
    priority: Priority
    max_attempts: int
    job_timeout: int
    environment: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def variables(self) -> dict[str, str]:
        """What its policy, PGE configurations and programs see, with the paths of the secrets' files."""
        files = {file_variable(name): secret_path(self.name, name) for name in self.secrets}
        return {**self.environment, **files}

    @property
    def name(self) -> str:
        """The folder's own name, which is part of the paths that the workflow's files use in a container."""
        return self.directory.name


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that an operator chooses for a stack; ``aws`` and ``hosts`` on those targets only.

    ``leave_within`` is in seconds. ``wm_memory``, in MiB, and ``wm_cpus`` limit a Workflow Manager's
    container; 0 is no limit. Everything is waited for ``patience`` times as long as usual. Without
    ``overlay_pool`` one is chosen. ``alarm_webhook`` is empty if there is none.
    """

    project: str
    stack: str
    target: Target
    worker_nodes: int
    wm_replicas: int
    wm_memory: int
    wm_cpus: float
    proxy: bool
    workflows: tuple[Workflow, ...]
    leave_within: int
    patience: float
    prometheus: bool
    alarm_webhook: str = field(repr=False)
    overlay_pool: IPv4Network | None
    subnet: IPv4Network
    aws: AwsSettings | None
    hosts: HostsSettings | None

    @property
    def folders(self) -> tuple[Path, ...]:
        """The workflows' folders, each once, in the order of their first events."""
        return tuple(dict.fromkeys(workflow.directory for workflow in self.workflows))

    @property
    def places(self) -> list[Places]:
        """Where the parts of each workflow are, with its variables."""
        return [Places.of(folder, self.variables.get(folder.name)) for folder in self.folders]

    @property
    def variables(self) -> dict[str, dict[str, str]]:
        """By the name of the folder, of those that have any."""
        return {workflow.name: workflow.variables for workflow in self.workflows if workflow.variables}

    @property
    def secrets(self) -> dict[tuple[str, str], str]:
        """By the name of the folder and their own."""
        return {
            (workflow.name, name): value
            for workflow in self.workflows
            for name, value in workflow.secrets.items()
        }

    @property
    def prefix(self) -> str:
        """Start of every name that the stack gives to something outside itself."""
        return f"{self.project}-{self.stack}"


def load(
    config: Mapping[str, str], *, project: str, stack: str, root: Path, encrypted: Collection[str] = ()
) -> Settings:
    """Check a stack's configuration and return it typed.

    ``config`` maps ``project:key`` to text, as the engine hands it over, defaults of Pulumi.yaml included;
    ``encrypted`` are its keys that the operator has set with `--secret`. Relative folders are below ``root``.

    Raises ConfigurationError for the first key that is unknown, missing or out of its range.
    """
    own = {
        key.removeprefix(f"{project}:"): text for key, text in config.items() if key.startswith(f"{project}:")
    }
    secret = {key.removeprefix(f"{project}:") for key in encrypted}
    values = Values(
        own,
        {*secret, WEBHOOK, *(key for key, text in own.items() if "secret" in key or "secrets" in text)},
    )
    values.refuse_unknown(KEYS)
    settings = read(values, config, project=project, stack=stack, root=root)
    if settings.secrets:
        key = "workflow_secrets" if own["workflows"].strip() in ("", "[]") else "workflows"
        name = next(iter(settings.secrets))[1]
        path = f"{key}.{name}" if key == "workflow_secrets" else f"{key}[0].secrets.{name}"
        if key not in secret:
            clear = f"{name} is in clear in the settings of the stack."
            raise values.error(key, clear, "", f"pulumi config set --secret --path '{path}'")
    if settings.alarm_webhook and WEBHOOK not in secret:
        clear = "it is in clear in the settings of the stack, and whoever has it can send messages there."
        raise values.error(WEBHOOK, clear, "", f"pulumi config set --secret {WEBHOOK}")
    return settings


def read(values: Values, config: Mapping[str, str], *, project: str, stack: str, root: Path) -> Settings:
    """Check the project's own keys, given without their prefix. Raises ConfigurationError."""
    target: Target = values.choice("target", ("local", "aws", "hosts"))
    workflows = _workflows(values, root)
    longest = max(workflow.job_timeout for workflow in workflows)
    return Settings(
        project=project,
        stack=stack,
        target=target,
        worker_nodes=values.integer("worker_nodes", 1, 50),
        wm_replicas=values.integer("wm_replicas", 1, 500),
        wm_memory=values.integer("wm_memory", LEAST_WM_MEMORY, 4_194_304, default=0),
        wm_cpus=values.decimal("wm_cpus", 0.1, 1024, default=0),
        proxy=values.choice("proxy", ("true", "false")) == "true",
        workflows=workflows,
        leave_within=values.integer("leave_within", 0, MOST_SECONDS, default=longest),
        patience=values.decimal(patience.KEY, 1, MOST_PATIENCE, default=1),
        prometheus=values.choice("prometheus", ("true", "false")) == "true",
        alarm_webhook=_alarm_webhook(values),
        overlay_pool=_overlay_pool(values),
        subnet=values.network("subnet", shortest_prefix=16, longest_prefix=26, example="10.213.0.0/24"),
        aws=load_aws(values, config) if target == "aws" else None,
        hosts=load_hosts(values) if target == "hosts" else None,
    )


def encrypted_keys() -> set[str]:
    """The keys of the configuration that the operator has set with `--secret`, or a part of their values."""
    return {key for key in stack_config() if pulumi_config.is_config_secret(key)}


def stack_config() -> dict[str, str]:
    """The whole configuration of the stack that is being deployed, as ``project:key`` to text.

    pulumi.Config answers for one key at a time: an unknown one would go unnoticed. A language host hands
    the configuration over in the environment, or sets it where it runs the program in its own process.
    """
    return {**pulumi_config.get_config_env(), **pulumi_config.CONFIG.get()}


def _overlay_pool(values: Values) -> IPv4Network | None:
    key = "overlay_pool"
    if values.is_empty(key):
        return None
    return values.network(key, shortest_prefix=8, longest_prefix=POOL_PREFIX, example="10.200.0.0/16")


def _alarm_webhook(values: Values) -> str:
    if values.is_empty(WEBHOOK):
        return ""
    url = values.text(WEBHOOK, WEBHOOK_EXAMPLE)
    if not is_http(url) or not url.isprintable() or " " in url:
        problem = "it must be an address that begins with http:// or https://."
        raise values.error(WEBHOOK, problem, "", f"pulumi config set --secret {WEBHOOK}")
    return url


def _workflows(values: Values, root: Path) -> tuple[Workflow, ...]:
    defaults: dict[str, Any] = {
        "max_workflows": values.integer("max_workflows", 1, 256),
        "priority": "normal",
        "max_attempts": values.integer("max_attempts", 1, 10),
        "job_timeout": values.integer("job_timeout", 1, MOST_SECONDS),
    }
    listed: list[dict[str, Any]] = values.json_list("workflows", dict, WORKFLOWS_EXAMPLE)
    if not listed:
        entry = {
            "event": values.text("workflow_queue", WORKFLOW_EXAMPLE["event"]),
            "dir": values.text("workflow_dir", WORKFLOW_EXAMPLE["dir"]),
        }
        keys = ("workflow_queue", "workflow_dir", "workflow_environment", "workflow_secrets")
        return (_workflow(Values(defaults | entry), root, values, keys),)
    workflows: list[Workflow] = []
    for index in range(len(listed)):
        scoped = EntryValues("workflows", listed, index, defaults, WORKFLOW_EXAMPLE, hidden=("secrets",))
        scoped.refuse_unknown(WORKFLOW_KEYS)
        workflow = _workflow(scoped, root, scoped, ("event", "dir", "environment", "secrets"))
        if workflow.event in {other.event for other in workflows}:
            raise scoped.error("event", "another entry has this event already; events must differ.", "EVENT")
        # One folder may serve several events; two of one name would have the same place in a container.
        folders = {other.name: other.directory for other in workflows}
        if folders.get(workflow.name, workflow.directory) != workflow.directory:
            raise scoped.error("dir", "another folder has this name already; names must differ.", "FOLDER")
        for other in workflows:
            if other.directory == workflow.directory and other.environment != workflow.environment:
                problem = f"event {other.event} of the same folder has another one; both must have the same."
                raise scoped.error("environment", problem, json.dumps(dict(other.environment)))
            if other.directory == workflow.directory and other.secrets != workflow.secrets:
                problem = f"event {other.event} of the same folder has others; both must have the same."
                raise scoped.error("secrets", problem, "", "set the same secrets for both")
        workflows.append(workflow)
    return tuple(workflows)


def _workflow(entry: Values, root: Path, reported: Values, keys: tuple[str, str, str, str]) -> Workflow:
    """Read one entry; ``reported`` has event, folder, variables and secrets by the operator's ``keys``."""
    event_key, dir_key, environment_key, secrets_key = keys
    event = entry.text("event", WORKFLOW_EXAMPLE["event"])
    try:
        Event(name=event)
    except ValueError as problem:
        raise reported.error(event_key, f"it cannot name a queue: {problem}.", "my-event") from None
    try:
        directory = find(root, entry.text("dir", WORKFLOW_EXAMPLE["dir"]))
        events = events_of(directory)
    except WorkflowFolderError as problem:
        raise reported.error(dir_key, str(problem), "FOLDER", problem.fix) from None
    if event not in events:
        known = ", ".join(events) or "none"
        raise reported.error(
            event_key,
            f"{directory / 'policy' / 'events.xml'} has no such event; it has: {known}.",
            events[0] if events else "EVENT",
        )
    environment, secrets = workflow_variables.read(reported, environment_key, secrets_key)
    return Workflow(
        event=event,
        directory=directory,
        max_workflows=entry.integer("max_workflows", 1, 256),
        priority=entry.choice("priority", ("normal", "high")),
        max_attempts=entry.integer("max_attempts", 1, 10),
        job_timeout=entry.integer("job_timeout", 1, MOST_SECONDS),
        environment=environment,
        secrets=secrets,
    )
