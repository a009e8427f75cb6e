"""The outputs of the Pulumi stack that commands need: addresses, logins, the ssh command line."""

import functools
import json
import subprocess
from typing import Any

from runtime import names
from runtime.cli import tunnel
from runtime.cli.results import BadInput

SECONDS = 180  # a slow machine needs half a minute, and its patience is not known yet
SHOWN = 80


class NoAnswer(BadInput):
    """The stack does not give an output. The text says why, and what to do."""


def output(name: str, *, variable: str) -> str:
    """An output of the stack, which stands in for an environment variable; raises NoAnswer."""
    hint = f"set {variable}, or run this where `pulumi stack output {name}` answers"
    try:
        value = outputs().get(name)
    except NoAnswer as error:
        raise NoAnswer(f"{variable} is not set and {error}: {hint}") from None
    if not value:
        raise NoAnswer(
            f"{variable} is not set and the stack has no output {name}, which `pulumi up` makes: {hint}"
        )
    return str(value)


def address(name: str, *, variable: str) -> str:
    """The URL of a service, through a tunnel if the cluster lets in ssh only; raises NoAnswer."""
    url = output(name, variable=variable)
    if names.TUNNEL_OUTPUT not in outputs():
        return url
    try:
        login = output(names.SSH_OUTPUT, variable=variable)
        return tunnel.through(login, url, patience=stretched(1))
    except tunnel.TunnelError as error:
        raise NoAnswer(str(error)) from None


def stretched(seconds: float) -> float:
    """A usual cluster's time limit, as it is for the stack that was asked before, if one was."""
    found = outputs() if outputs.cache_info().currsize else {}
    return seconds * float(found.get(names.PATIENCE_OUTPUT, 1))


@functools.cache
def outputs() -> dict[str, Any]:
    """All outputs of the stack, asked once; raises NoAnswer."""
    try:
        done = subprocess.run(
            ["pulumi", "stack", "output", "--json", "--show-secrets"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise NoAnswer("there is no pulumi on PATH") from None
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"pulumi did not answer within {SECONDS} s") from None
    if done.returncode != 0:
        raise NoAnswer(f"the stack does not tell ({done.stderr.strip()})")
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise NoAnswer(f"pulumi's answer is not JSON: {done.stdout[:SHOWN]!r}") from None
    return found
