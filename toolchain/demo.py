"""From nothing to ten jobs done: `make demo`."""

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from toolchain import go, stack
from toolchain.paths import REPOSITORY

UP_TIMEOUT = 3600
JOBS_TIMEOUT = 900
LIST_TIMEOUT = 60

JOBS = (
    *("--event", "test-workflow", "--jobs", "10"),
    *("--metadata", "Dataset=abc", "--metadata", "Project=123", "--wait"),
)
NEXT = """
What to try next, after `source ./activate`:
  pulumi config set wm_replicas 4 && pulumi up      two more Workflow Managers
  oodt submit --event test-workflow --jobs 100 \\
      --metadata Dataset=abc --metadata Project=123 --wait
  pulumi stack output                               where everything is
  make destroy                                      removes the cluster and all that was made for it
"""


def main() -> None:
    # Ctrl-C reaches Pulumi too, which then needs time to finish what it has begun: this process waits for it.
    signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    started = time.monotonic()
    go.forget()
    _step("The cluster: pulumi up", _up)
    _step("Ten jobs: oodt submit", _submit)
    _step("The archive's products", _list_products)
    print(f"\nDone in {time.monotonic() - started:.0f} s.\n{NEXT}")


def _up() -> None:
    stack.activate()
    stack.release_dead_locks()
    _run(["pulumi", "--non-interactive", "stack", "select", "--create", stack.NAME], timeout=UP_TIMEOUT)
    _run(["pulumi", "up", "--yes", "--stack", stack.NAME], timeout=UP_TIMEOUT)


def _submit() -> None:
    _run(["oodt", "submit", *JOBS], timeout=JOBS_TIMEOUT)


def _list_products() -> None:
    on_the_manager = shlex.split(stack.output("ssh"))
    _run([*on_the_manager, "find", stack.output("archive"), "-type", "f"], timeout=LIST_TIMEOUT)


def _step(title: str, run: Callable[[], None]) -> None:
    print(f"\n== {title}", flush=True)
    started = time.monotonic()
    try:
        run()
    except subprocess.SubprocessError as error:
        sys.exit(f"== {title}: {error}\nTo go on from here, run `make demo` again.")
    print(f"== {title}: {time.monotonic() - started:.0f} s", flush=True)


def _run(command: Sequence[str], *, timeout: float) -> None:
    subprocess.run(command, check=True, timeout=timeout, cwd=REPOSITORY)


if __name__ == "__main__":
    main()
