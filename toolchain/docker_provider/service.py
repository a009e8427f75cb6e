"""docker:index/service:Service"""

from __future__ import annotations

import contextlib
from typing import Any

from docker.errors import APIError, NotFound

from .connection import Daemon
from .convergence import await_created, await_updated
from .convert import Spec, nanoseconds
from .resource import Log, Problems, SchemaResource, wait_until
from .service_fields import SERVICE
from .service_spec import service_spec
from .service_state import service_state
from .values import Properties

ENDPOINT_TIMEOUT = 30  # seconds for the swarm to allocate the endpoint
REMOVAL_MARGIN = 20  # seconds for the tasks to go, beyond their grace period


class Service(SchemaResource):
    token = "docker:index/service:Service"
    state_version = 2
    fields = SERVICE

    def check(self, name: str, inputs: Properties, old: Properties, log: Log) -> tuple[Properties, Problems]:
        checked, problems = super().check(name, inputs, old, log)
        if "convergeConfig" in inputs and "mode" in inputs and inputs["mode"].get("global"):
            problems.append(
                ("convergeConfig", "a global service has no number of replicas to wait for; leave one out")
            )
        return checked, problems

    def make(self, daemon: Daemon, inputs: Properties, log: Log) -> str:
        spec = service_spec(inputs)
        _resolve_image(daemon, spec["TaskTemplate"], log)
        id = str(daemon.api.create_service(*_arguments(spec), **_options(spec))["ID"])
        try:
            await_created(daemon, id, inputs.get("convergeConfig"), log)
        except Exception:
            daemon.api.remove_service(id)  # so that the next update creates it again
            raise
        return id

    def inspect(self, daemon: Daemon, id: str, known: Properties) -> Properties | None:
        found: dict[str, Any] = {}

        def has_endpoint() -> bool:
            found.update(daemon.api.inspect_service(id))
            return bool(
                found.get("Endpoint", {}).get("Spec") or found["Spec"].get("EndpointSpec", {}).get("Mode")
            )

        try:
            wait_until(daemon, has_endpoint, ENDPOINT_TIMEOUT, f"service {id} has no endpoint")
        except NotFound:
            return None
        return service_state(found)

    def change(self, daemon: Daemon, id: str, state: Properties, wanted: Properties, log: Log) -> None:
        spec = service_spec(wanted)
        spec["TaskTemplate"]["ContainerSpec"]["Image"] = _tagged(
            spec["TaskTemplate"]["ContainerSpec"]["Image"]
        )
        version = daemon.api.inspect_service(id)["Version"]["Index"]
        daemon.api.update_service(id, version, *_arguments(spec), **_options(spec))
        await_updated(daemon, id, wanted.get("convergeConfig"), log)

    def delete(self, daemon: Daemon, id: str, state: Properties) -> None:
        try:
            daemon.api.remove_service(id)
        except NotFound:
            return
        grace = nanoseconds(state["taskSpec"]["containerSpec"].get("stopGracePeriod")) / 1e9
        # Volumes and networks are free only when the last task has gone.
        with contextlib.suppress(TimeoutError):
            wait_until(
                daemon, lambda: not _tasks(daemon, id), grace + REMOVAL_MARGIN, f"tasks of {id} remain"
            )


def _tasks(daemon: Daemon, id: str) -> list[Spec]:
    """The tasks that are left. Docker's own filter fails for a service that is gone."""
    return [task for task in daemon.api.tasks() if task["ServiceID"] == id]


def _arguments(spec: Spec) -> tuple[Spec, str, dict[str, str]]:
    return spec["TaskTemplate"], spec["Name"], spec["Labels"]


def _options(spec: Spec) -> Spec:
    return {
        "mode": spec["Mode"] or None,
        "update_config": spec["UpdateConfig"],
        "rollback_config": spec["RollbackConfig"],
        "endpoint_spec": spec["EndpointSpec"],
    }


def _tagged(image: str) -> str:
    return image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"


def _resolve_image(daemon: Daemon, task: Spec, log: Log) -> None:
    """Pin the image to the digest and platforms that its registry reports, if the daemon reaches one.

    The docker command and the vendor's plugin do so at creation only.
    """
    container = task["ContainerSpec"]
    container["Image"] = _tagged(container["Image"])
    if container["Image"].startswith("sha256:"):  # an id, which no registry knows
        return
    try:
        told = daemon.api.inspect_distribution(container["Image"])
    except APIError as error:
        log(f"the registry does not tell the digest of {container['Image']}: {error.explanation}")
        return
    if "@" not in container["Image"]:
        container["Image"] += f"@{told['Descriptor']['digest']}"
    if told.get("Platforms"):
        task["Placement"]["Platforms"] = [
            {"Architecture": "" if item["architecture"] == "arm" else item["architecture"], "OS": item["os"]}
            for item in told["Platforms"]
        ]
