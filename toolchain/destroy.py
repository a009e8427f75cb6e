"""Removes what `make demo` made, and nothing else: `make destroy`."""

import signal
import subprocess
import sys

from toolchain import docker_engine, environment, stack
from toolchain.paths import REPOSITORY
from toolchain.steps import Step, run_steps

DESTROY_TIMEOUT = 1800
ENGINE = Step(name="docker-engine", title="docker engine", run=docker_engine.ensure)
STOP_ENGINE = Step(
    name="docker-engine",
    title="docker engine that the toolchain started",
    run=lambda _log: docker_engine.stop_unless_used(f"oodt-{stack.NAME}-"),
)


def main() -> None:
    signal.signal(signal.SIGINT, lambda _signal, _frame: None)  # as in demo.py, Pulumi has to end by itself
    stack.activate()
    stack.release_dead_locks()
    if stack.exists():
        run_steps([ENGINE])  # it may run the containers to remove
        _pulumi("destroy", "--yes", "--stack", stack.NAME)
        _pulumi("stack", "rm", "--yes", "--preserve-config", "--stack", stack.NAME)
        environment.forget_salt(environment.STACK_SETTINGS)
    else:
        print(f"There is no stack {stack.NAME}.")
    run_steps([STOP_ENGINE])


def _pulumi(*arguments: str) -> None:
    try:
        subprocess.run(["pulumi", *arguments], check=True, timeout=DESTROY_TIMEOUT, cwd=REPOSITORY)
    except subprocess.SubprocessError as error:
        sys.exit(f"{error}\nTo go on from here, run `make destroy` again.")


if __name__ == "__main__":
    main()
