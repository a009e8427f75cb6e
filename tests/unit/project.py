"""The settings that Pulumi.yaml declares, with their defaults as the engine hands them over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DECLARED: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]


def defaults() -> dict[str, str]:
    """Text by key; a list is JSON text, whether it was set as one or by its parts."""
    return {
        key: json.dumps(entry["default"]) if isinstance(entry["default"], list) else entry["default"]
        for key, entry in DECLARED.items()
    }
