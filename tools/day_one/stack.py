"""The stack of the trial: its own, whatever stack is selected, driven by the commands that users type."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.day_one import processes

QUICK = 120  # seconds for a command that changes nothing in the account


@dataclass(kw_only=True)
class Stack:
    """``log`` is where what commands write goes; the steps change it."""

    name: str
    log: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {**os.environ, **self.environment, "PULUMI_STACK": self.name, "NO_COLOR": "1"}

    def make(self, settings: Mapping[str, str]) -> None:
        self.pulumi("stack", "init", self.name, "--no-select")
        for key, value in settings.items():
            self.set(key, value)

    def set(self, key: str, value: str) -> None:
        self.pulumi("config", "set", key, value)

    def pulumi(self, *arguments: str, seconds: float = QUICK) -> str:
        """Raises ProgramError."""
        line = ["pulumi", "--non-interactive", "--color", "never", *arguments]
        return processes.run(line, self.log, seconds=seconds, environment=self.environment)

    def up(self, *arguments: str, seconds: float) -> str:
        return self.pulumi("up", "--yes", "--skip-preview", *arguments, seconds=seconds)

    def oodt(self, *arguments: str, seconds: float) -> str:
        line = [sys.executable, "-m", "runtime", *arguments]
        return processes.run(line, self.log, seconds=seconds, environment=self.environment)

    def ssh(self, command: str, *, seconds: float = QUICK) -> str:
        """Run a command on the manager."""
        line = ["pulumi", "--non-interactive", "stack", "output", "ssh"]
        login = processes.output(line, seconds=QUICK, environment=self.environment).split()
        line = [*login, "-o", "BatchMode=yes", command]
        return processes.run(line, self.log, seconds=seconds, environment=self.environment)

    def manager_urn(self) -> str:
        """The state is asked in silence, for it has secrets."""
        line = ["pulumi", "--non-interactive", "stack", "export"]
        state = processes.output(line, seconds=QUICK, environment=self.environment)
        (found,) = [
            resource["urn"]
            for resource in json.loads(state)["deployment"]["resources"]
            if resource["type"] == "aws:ec2/instance:Instance"
        ]
        return str(found)
