"""docker:index/container:Container"""

from __future__ import annotations

import base64
import io
import tarfile
import time
from pathlib import Path

import docker
from docker.errors import APIError, NotFound

from .connection import Daemon
from .container_fields import CONTAINER
from .container_spec import container_spec, memory
from .container_state import container_state
from .resource import Log, Problems, SchemaResource, wait_until
from .values import Properties

DEFAULT_NETWORK = "bridge"
SOURCES = ("content", "contentBase64", "source")  # of an upload
UPDATABLE = ("restart", "maxRetryCount", "memory", "memoryReservation", "memorySwap", "cpuShares")


class Container(SchemaResource):
    token = "docker:index/container:Container"
    state_version = 2
    fields = CONTAINER

    def deletes_before_replace(self, inputs: Properties) -> bool:
        return True  # it may hold a port or an address

    def check(self, name: str, inputs: Properties, old: Properties, log: Log) -> tuple[Properties, Problems]:
        checked, problems = super().check(name, inputs, old, log)
        for index, upload in enumerate(inputs.get("uploads", ())):
            if sum(source in upload for source in SOURCES) != 1:
                problems.append((f"uploads[{index}]", f"exactly one of {', '.join(SOURCES)} is required"))
        return checked, problems

    def make(self, daemon: Daemon, inputs: Properties, log: Log) -> str:
        _pull_if_missing(daemon, inputs["image"], log)
        made = daemon.api.create_container_from_config(
            container_spec(inputs), inputs["name"], inputs.get("platform")
        )
        id = str(made["Id"])
        try:
            _connect(daemon.api, id, inputs)
            for upload in inputs.get("uploads", ()):
                daemon.api.put_archive(id, "/", _archive(upload))
            if inputs["start"]:
                daemon.api.start(id)
                if inputs["wait"]:
                    _await_healthy(daemon, id, inputs["waitTimeout"])
        except Exception:
            daemon.api.remove_container(id, v=True, force=True)  # so that the next update creates it again
            raise
        return id

    def inspect(self, daemon: Daemon, id: str, known: Properties) -> Properties | None:
        try:
            return container_state(daemon.api.inspect_container(id), known)
        except NotFound:
            return None

    def change(self, daemon: Daemon, id: str, state: Properties, wanted: Properties, log: Log) -> None:
        if wanted["mustRun"] and not state.get("mustRun") and wanted["start"]:
            daemon.api.start(id)
        if any(state.get(name) != wanted.get(name) for name in UPDATABLE):
            limits = memory(wanted)
            daemon.api.update_container(
                id,
                restart_policy={
                    "Name": wanted["restart"],
                    "MaximumRetryCount": wanted.get("maxRetryCount", 0),
                },
                mem_limit=limits["Memory"],
                mem_reservation=limits["MemoryReservation"],
                memswap_limit=limits["MemorySwap"],
                cpu_shares=limits["CpuShares"],
            )

    def delete(self, daemon: Daemon, id: str, state: Properties) -> None:
        grace = state.get("destroyGraceSeconds", 0)
        try:
            daemon.api.stop(id, timeout=grace)
            daemon.api.remove_container(id, v=state.get("removeVolumes", True), force=True)
        except NotFound:
            return
        except APIError as error:
            if "is already in progress" not in str(error):
                raise
            wait_until(
                daemon,
                lambda: self.inspect(daemon, id, state) is None,
                grace + 60,
                f"container {state['name']} is not gone",
            )


def _pull_if_missing(daemon: Daemon, image: str, log: Log) -> None:
    try:
        daemon.api.inspect_image(image)
    except NotFound:
        log(f"pulling {image}")
        daemon.stream_api.pull(image)


def _connect(api: docker.APIClient, id: str, inputs: Properties) -> None:
    """Connect the container to its own networks, in place of the default one."""
    networks = inputs.get("networksAdvanced")
    if not networks:
        return
    try:
        api.disconnect_container_from_network(id, DEFAULT_NETWORK)
    except APIError as error:
        if "is not connected to" not in str(error):
            raise
    for network in networks:
        api.connect_container_to_network(
            id,
            network["name"],
            aliases=network.get("aliases"),
            ipv4_address=network.get("ipv4Address"),
            ipv6_address=network.get("ipv6Address"),
        )


def _archive(upload: Properties) -> bytes:
    if "source" in upload:
        content = Path(upload["source"]).read_bytes()
    elif "contentBase64" in upload:
        content = base64.b64decode(upload["contentBase64"])
    else:
        content = upload["content"].encode()
    entry = tarfile.TarInfo(upload["file"])
    entry.size, entry.mtime = len(content), int(time.time())
    entry.mode = (
        int(upload["permissions"], 8) if "permissions" in upload else 0o744 if upload["executable"] else 0o644
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _await_healthy(daemon: Daemon, id: str, timeout: float) -> None:
    def healthy() -> bool:
        container = daemon.api.inspect_container(id)
        if "Health" not in container["State"]:
            raise ValueError(
                f"container {container['Name']} has wait but no healthcheck; give it one or drop wait"
            )
        return bool(container["State"]["Health"]["Status"] == "healthy")

    wait_until(daemon, healthy, timeout, f"container {id} is not healthy")
