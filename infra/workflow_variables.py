"""The variables and secrets of a workflow's own: which names they may have, and where secrets are."""

from __future__ import annotations

import re

from infra.values import Values
from runtime import names
from runtime.policy.places import VARIABLES

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ENVIRONMENT_EXAMPLE = '{"MODEL": "v2"}'
# The cluster's own, which its parts and OODT's policies read. Of the container's, these may be set.
FREE_NAMES = {"LANG", "PATH", "PGE_ROOT", "PYTHONUNBUFFERED"}
OWN_PREFIXES = ("OODT_", "PCS_", "PGETask_", "RABBITMQ_", "STATUS_")
OWN_NAMES = VARIABLES.keys() - FREE_NAMES
MOST_SECRET_BYTES = 500_000  # docker's limit


def secret_path(workflow: str, name: str) -> str:
    """The file of a secret in a container, outside the folder that programs cannot enter."""
    return f"{names.WORKFLOW_SECRETS_DIR}/{workflow}/{name}"


def file_variable(secret: str) -> str:
    """The variable that holds the path of a secret's file."""
    return f"{secret}_FILE"


def read(values: Values, environment_key: str, secrets_key: str) -> tuple[dict[str, str], dict[str, str]]:
    """Variables and secrets of one workflow. Raises ConfigurationError."""
    environment = values.pairs(environment_key, NAME, ENVIRONMENT_EXAMPLE)
    for name in environment:
        if _is_own(name):
            raise values.error(
                environment_key,
                f"the cluster itself has a variable {name}.",
                ENVIRONMENT_EXAMPLE,
                "choose another name",
            )
    secrets = values.pairs(secrets_key, NAME, '{"TOKEN": "..."}')
    for name, value in secrets.items():
        if _is_own(name) or file_variable(name) in environment:
            problem = f"there is a variable {file_variable(name)} already, which would hold the file's path."
            raise values.error(secrets_key, problem, "", "choose another name")
        if not 0 < len(value.encode()) <= MOST_SECRET_BYTES:
            problem = f"{name} must have 1 to {MOST_SECRET_BYTES} bytes."
            raise values.error(secrets_key, problem, "", "set it again")
    return environment, secrets


def _is_own(name: str) -> bool:
    return name in OWN_NAMES or name.startswith(OWN_PREFIXES)
