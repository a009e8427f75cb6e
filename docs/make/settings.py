"""The keys of the settings: their meaning from Pulumi.yaml, their values from infra/settings.py's checks."""

import re
import shlex
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, TypeVar

import yaml

from docs.make.tables import table
from infra import settings
from infra.values import Values
from infra.workflow_variables import ENVIRONMENT_EXAMPLE

T = TypeVar("T", bound=str)
E = TypeVar("E")

ROOT = Path(__file__).parents[2]
TARGETS = ("local", "aws", "hosts")
REGION = {"aws:region": "us-west-2"}
FOR_A_TARGET = re.compile(r"target (\w+): (.*)")

# One value of each key, which the checks accept.
EXAMPLES = {
    "target": "hosts",
    "worker_nodes": "3",
    "wm_replicas": "4",
    "max_workflows": "8",
    "wm_memory": "2048",
    "wm_cpus": "1.5",
    "proxy": "true",
    "workflow_dir": "testing/workflows/foreign",
    "workflow_queue": "snow-cover",
    "workflow_environment": ENVIRONMENT_EXAMPLE,
    "workflow_secrets": '{"TOKEN": "..."}',
    "workflows": settings.WORKFLOWS_EXAMPLE,
    "max_attempts": "5",
    "job_timeout": "7200",
    "leave_within": "600",
    "patience": "3",
    "prometheus": "true",
    "alarm_webhook": settings.WEBHOOK_EXAMPLE,
    "overlay_pool": "10.200.0.0/16",
    "subnet": "10.77.0.0/24",
    "admin_cidrs": '["10.20.0.0/16"]',
    "instance_type": "m6i.xlarge",
    "ami": "ami-0123456789abcdef0",
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": '["subnet-0a1b2c3d"]',
    "efs_id": "fs-0123456789abcdef0",
    "worker_spot": "true",
    "protect": "false",
    "permissions_boundary": "arn:aws:iam::123456789012:policy/boundary",
    "manager": "ssh://operator@host0",
    "workers": '["ssh://operator@host1", "ssh://operator@host2"]',
    "shared_path": "/shared-data",
    "keep_data": "false",
}


class NotedValues(Values):
    """Values that note in words, by key, what the checks ask of them."""

    def __init__(self, values: Mapping[str, Any], words: dict[str, str]) -> None:
        super().__init__(values)
        self._words = words

    def text(self, key: str, example: object) -> str:
        self._words.setdefault(key, "text")
        return super().text(key, example)

    def matching(self, key: str, pattern: str, what: str, example: str) -> str:
        self._words[key] = what
        return super().matching(key, pattern, what, example)

    def integer(self, key: str, least: int, most: int, *, default: int | None = None) -> int:
        self._words[key] = f"{least} to {most}"
        return super().integer(key, least, most, default=default)

    def decimal(self, key: str, least: float, most: float, *, default: float) -> float:
        self._words[key] = f"{least:g} to {most:g}"
        return super().decimal(key, least, most, default=default)

    def choice(self, key: str, choices: tuple[T, ...]) -> T:
        self._words[key] = ", ".join(f"`{choice}`" for choice in choices)
        return super().choice(key, choices)

    def network(self, key: str, shortest_prefix: int, longest_prefix: int, example: str) -> IPv4Network:
        self._words[key] = f"an IPv4 network, /{shortest_prefix} to /{longest_prefix}"
        return super().network(key, shortest_prefix, longest_prefix, example)

    def pairs(self, key: str, names: re.Pattern[str], example: str) -> dict[str, str]:
        self._words[key] = "texts by name"
        return super().pairs(key, names, example)

    def json_list(self, key: str, kind: type[E], example: str) -> list[E]:
        self._words[key] = f"a list of {'objects' if kind is dict else 'texts'}"
        return super().json_list(key, kind, example)


def allowed() -> dict[str, str]:
    """What each key may be, in words, by its check, which has accepted the key's example."""
    words: dict[str, str] = {}
    for target in TARGETS:
        # A list of workflows takes the place of the two keys of one workflow.
        for workflows in ("[]", EXAMPLES["workflows"]):
            values = NotedValues({**EXAMPLES, "target": target, "workflows": workflows}, words)
            settings.read(values, REGION, project="oodt", stack="dev", root=ROOT)
    return words


def parts() -> dict[str, str]:
    """A table of the keys of all targets, and one for each target."""
    declared: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    words = allowed()
    rows: dict[str, list[list[str]]] = {name: [] for name in ("settings", *TARGETS)}
    for key, stated in declared.items():
        target, meaning = _meant(stated["description"])
        default = f"`{stated['default']}`" if stated["default"] != "" else "none"
        line = f"`pulumi config set {key} {shlex.quote(EXAMPLES[key])}`"
        rows[target].append([f"`{key}`", default, words[key], meaning, line])
    head = ["key", "default", "values", "meaning", "example"]
    return {name: table(head, listed) for name, listed in rows.items()}


def _meant(description: str) -> tuple[str, str]:
    """Which target's key it is, and what it means."""
    found = FOR_A_TARGET.fullmatch(description)
    return (found[1], found[2]) if found else ("settings", description)
