"""What the operator's commands learn from the Pulumi stack: addresses, logins, the way to the manager."""

import subprocess

SECONDS = 60


class NoAnswer(Exception):
    """The stack does not tell; the text says why, and what to do."""


def output(name: str, *, variable: str) -> str:
    """One of the stack's outputs, secret or not, for want of an environment variable; raises NoAnswer."""
    hint = f"set {variable}, or run this where `pulumi stack output {name}` answers"
    try:
        done = subprocess.run(
            ["pulumi", "stack", "output", name, "--show-secrets"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise NoAnswer(f"{variable} is not set and there is no pulumi on PATH: {hint}") from None
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"pulumi did not answer within {SECONDS} s: {hint}") from None
    if done.returncode != 0 or not done.stdout.strip():
        complaint = done.stderr.strip() or "the output is empty"
        raise NoAnswer(f"{variable} is not set and the stack does not tell: {complaint}\n{hint}")
    return done.stdout.strip()
