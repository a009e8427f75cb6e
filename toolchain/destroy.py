"""Removes what `make demo` made, and nothing else: `make destroy`."""

import os
import signal
import subprocess
import sys

from toolchain import docker_engine, docker_plugin, environment, pulumi_cli, python_packages, stack
from toolchain.paths import REPOSITORY
from toolchain.steps import Step, run_steps

DESTROY_TIMEOUT = 1800
ENGINE = Step(name="docker-engine", title="docker engine", run=docker_engine.ensure_answer)
STOP_ENGINE = Step(
    name="docker-engine",
    title="docker engine that the toolchain started",
    run=lambda _log: docker_engine.stop_unless_used(f"oodt-{stack.NAME}-"),
)


def main() -> None:
    signal.signal(signal.SIGINT, lambda _signal, _frame: None)  # as in demo.py, Pulumi has to end by itself
    stack.activate()
    stack.release_dead_locks()
    if _has_stack():
        run_steps([ENGINE])  # it may run the containers to remove
        _pulumi("destroy", "--yes", "--stack", stack.NAME)
        _pulumi("stack", "rm", "--yes", "--preserve-config", "--stack", stack.NAME)
        environment.forget_unused_salt(environment.STACK_SETTINGS)
    else:
        print(f"There is no stack {stack.NAME}.")
    run_steps([STOP_ENGINE])


def _has_stack() -> bool:
    """Whether there is a stack to destroy. Exit where tools are missing that can tell, or that it takes."""
    runs = pulumi_cli.version(pulumi_cli.executable()) is not None
    if runs:
        found = stack.exists()
    else:  # the project's own state can be read without; what a backend of the user's has is not known
        own_backend = environment.has_backend(os.environ, docker_plugin.user_home())
        found = own_backend or stack.NAME in environment.local_stacks()
    if found and not (runs and python_packages.is_whole()):
        sys.exit(
            f"To remove the stack {stack.NAME} takes tools that are missing or unfinished here. "
            "Get them with `make toolchain`, then run `make destroy` again."
        )
    return found


def _pulumi(*arguments: str) -> None:
    try:
        subprocess.run(["pulumi", *arguments], check=True, timeout=DESTROY_TIMEOUT, cwd=REPOSITORY)
    except subprocess.SubprocessError as error:
        sys.exit(f"{error}\nTo go on from here, run `make destroy` again.")


if __name__ == "__main__":
    main()
