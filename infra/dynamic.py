"""What the project's own resources share: which inputs they answer to, and calls to hosts that end in time.

The state keeps a resource's provider as the name of its class, and by that class the resource is deleted one
day. So no provider has attributes of its own, and its class keeps its name and its module.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar

from pulumi.dynamic import ConfigureRequest, CreateResult, DiffResult, ResourceProvider, UpdateResult

from infra import patience, ssh
from infra.ssh import Identity
from infra.waiting import until

PARENT_CHECK_INTERVAL = 1  # seconds

T = TypeVar("T")
Props = dict[str, Any]


@cache
def _end_with_engine() -> None:
    """Have this process end when the engine does: what it waits for or does would meet the next `up`.

    The SDK's server of dynamic providers goes on where the engine was killed.
    """
    engine = os.getppid()

    def watch() -> None:
        while os.getppid() == engine:
            time.sleep(PARENT_CHECK_INTERVAL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Provider(ResourceProvider):
    """A resource that is created and updated by the same act, at the host ``docker_host`` where it has one.

    ``updated_by`` are the inputs whose change is a reason to act again, ``replaced_by`` those whose change
    makes another resource; a change of any other input is ignored. ``limit`` is the time, in seconds of a
    usual machine, that one command on the host or one wait may take.
    """

    updated_by: ClassVar[tuple[str, ...]] = ()
    replaced_by: ClassVar[tuple[str, ...]] = ()
    limit: ClassVar[float] = ssh.DOCKER_TIMEOUT

    def configure(self, req: ConfigureRequest) -> None:
        """The engine calls this before anything else, with the settings of the stack as they are now."""
        patience.use(float(req.config.get(patience.KEY) or 1))
        if sys.modules["__main__"].__package__ == "pulumi.dynamic":
            _end_with_engine()

    def act(self, props: Props) -> tuple[str, Props]:
        """Bring about what the inputs say; returns the resource's id and its outputs."""
        raise NotImplementedError

    def create(self, props: Props) -> CreateResult:
        return CreateResult(*self.act(props))

    def update(self, _id: str, _olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(self.act(news)[1])

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        changed = [key for key in self.updated_by if olds.get(key) != news[key]]
        moved = [key for key in self.replaced_by if olds.get(key) != news[key]]
        return DiffResult(changes=bool(changed or moved) or self.is_lost(olds, news), replaces=moved)

    def is_lost(self, _olds: Props, _news: Props) -> bool:
        """Whether the resource has to act again though its inputs are the same.

        Each preview asks this. What is on a host is looked at in ``read`` instead, when a stack is refreshed.
        """
        return False

    def identity(self, props: Mapping[str, Any]) -> Identity:
        """What ssh is let in by, from the input ``folder``."""
        return Identity(folder=props["folder"])

    def run(self, props: Mapping[str, Any], script: str, *, stdin: bytes = b"") -> str:
        """Run a shell command on the resource's host. Raises ssh.RemoteError."""
        return ssh.run(self.identity(props), props["docker_host"], script, timeout=self.limit, stdin=stdin)

    def docker(self, props: Mapping[str, Any], command: str) -> str:
        """Run a docker command that answers at once. Raises ssh.RemoteError."""
        return ssh.docker(self.identity(props), props["docker_host"], command)

    def wait(self, what: str, look: Callable[[], T | None]) -> T:
        """Call ``look`` until it returns something. Raises NotReadyError."""
        return until(what, look, timeout=self.limit)
