"""The settings of the selected stack, read outside the engine: for commands that ask about it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml

from infra import settings

PULUMI_LIMIT = 10  # seconds


class StackError(RuntimeError):
    """The stack's configuration is not to be had; the text says why and what to do."""


class OtherTargetError(StackError):
    """The stack is on another target."""


def load() -> settings.Settings:
    """Raises StackError, ConfigurationError."""
    root = _root(Path.cwd())
    project = str(yaml.safe_load((root / "Pulumi.yaml").read_text())["name"])
    config = json.loads(_pulumi("config", "--json", "--show-secrets"))
    found = {key: entry.get("value", "") for key, entry in config.items()}
    target = found.get(f"{project}:target")
    if target != "aws":
        raise OtherTargetError(
            f"target is {target!r}: this stack is not one of target aws\n  fix: pulumi stack select aws"
        )
    stack = _pulumi("stack", "--show-name").strip()
    return settings.load(found, project=project, stack=stack, root=root)


def _root(folder: Path) -> Path:
    for candidate in (folder, *folder.parents):
        if (candidate / "Pulumi.yaml").is_file():
            return candidate
    raise StackError(f"{folder} is in no folder with a Pulumi.yaml: run this in the project's folder")


def _pulumi(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["pulumi", "--non-interactive", *arguments],
            capture_output=True,
            text=True,
            timeout=PULUMI_LIMIT,
            check=False,
        )
    except FileNotFoundError:
        raise StackError("there is no pulumi on PATH: source ./activate") from None
    except subprocess.TimeoutExpired:
        raise StackError(f"pulumi {arguments[0]} did not answer within {PULUMI_LIMIT} s") from None
    if done.returncode:
        raise StackError(f"the stack does not tell its settings: {done.stderr.strip()}")
    return done.stdout
