"""A container's properties as docker's container configuration."""

from __future__ import annotations

from collections.abc import Iterable

from .convert import Spec, convert, converted, from_healthcheck, from_labels, from_mount, given, nanoseconds
from .values import Properties

MIB = 1024 * 1024
UNCONFINED_PATHS = "systempaths=unconfined"  # an option of the client, which the daemon does not know


def container_spec(container: Properties) -> Spec:
    volumes = container.get("volumes", ())
    return given(
        {
            "Image": container["image"],
            "Hostname": container.get("hostname", ""),
            "Domainname": container.get("domainname", ""),
            "Tty": container["tty"],
            "OpenStdin": container["stdinOpen"],
            "StopSignal": container.get("stopSignal"),
            "StopTimeout": container.get("stopTimeout"),
            "Env": container.get("envs"),
            "Cmd": container.get("command"),
            "Entrypoint": container.get("entrypoints"),
            "User": container.get("user"),
            "WorkingDir": container.get("workingDir"),
            "Labels": from_labels(container.get("labels")),
            "ExposedPorts": {_port(port): {} for port in container.get("ports", ())},
            "Volumes": {item["containerPath"]: {} for item in volumes if item.get("containerPath")},
            "Healthcheck": convert(container.get("healthcheck"), _healthcheck),
            "HostConfig": _host_config(container),
        }
    )


def _healthcheck(health: Properties) -> Spec:
    return {**from_healthcheck(health), "StartInterval": nanoseconds(health["startInterval"])}


def _host_config(container: Properties) -> Spec:
    return given(
        {
            "AutoRemove": container["rm"],
            "RestartPolicy": {
                "Name": container["restart"],
                "MaximumRetryCount": container.get("maxRetryCount", 0),
            },
            "Runtime": container.get("runtime", ""),
            "Init": container.get("init", False),
            "LogConfig": {"Type": container.get("logDriver", ""), "Config": container.get("logOpts", {})},
            **_isolation(container),
            **memory(container),
            **_storage(container),
            **_networking(container),
        }
    )


def _isolation(container: Properties) -> Spec:
    capabilities, options = container.get("capabilities", {}), container.get("securityOpts", [])
    unconfined: Spec = {"MaskedPaths": [], "ReadonlyPaths": []} if UNCONFINED_PATHS in options else {}
    return {
        "Privileged": container.get("privileged", False),
        "ReadonlyRootfs": container["readOnly"],
        "CapAdd": _full_names(capabilities.get("adds", ())),
        "CapDrop": _full_names(capabilities.get("drops", ())),
        "SecurityOpt": [option for option in options if option != UNCONFINED_PATHS] or None,
        **unconfined,
        "CgroupnsMode": container.get("cgroupnsMode"),
        "CgroupParent": container.get("cgroupParent"),
        "PidMode": container.get("pidMode"),
        "IpcMode": container.get("ipcMode"),
        "UsernsMode": container.get("usernsMode"),
        "Sysctls": container.get("sysctls"),
        "GroupAdd": container.get("groupAdds"),
        "Ulimits": converted(
            container.get("ulimits"),
            lambda limit: {"Name": limit["name"], "Soft": limit["soft"], "Hard": limit["hard"]},
        ),
    }


def _full_names(capabilities: Iterable[str]) -> list[str]:
    """As docker's clients send them and the daemon returns them: CAP_NET_ADMIN for net_admin."""
    names = (name.upper() for name in capabilities)
    return sorted({name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}" for name in names})


def memory(container: Properties) -> Spec:
    """The limits that can also change while the container runs."""
    swap = container.get("memorySwap", 0)
    return {
        "Memory": container.get("memory", 0) * MIB,
        "MemoryReservation": container["memoryReservation"] * MIB,
        "MemorySwap": swap * MIB if swap > 0 else swap,
        "CpuShares": container.get("cpuShares", 0),
    }


def _storage(container: Properties) -> Spec:
    volumes = container.get("volumes", [])
    return {
        "ShmSize": container["shmSize"] * MIB if container.get("shmSize") else None,
        "Tmpfs": container.get("tmpfs"),
        "Mounts": converted(container.get("mounts"), from_mount),
        "Binds": [_bind(volume) for volume in volumes if _source(volume)],
        "VolumesFrom": [volume["fromContainer"] for volume in volumes if volume.get("fromContainer")],
    }


def _source(volume: Properties) -> str:
    return str(volume.get("hostPath") or volume.get("volumeName") or "")


def _bind(volume: Properties) -> str:
    return f"{_source(volume)}:{volume['containerPath']}:{'ro' if volume.get('readOnly') else 'rw'}"


def _networking(container: Properties) -> Spec:
    return {
        "NetworkMode": container["networkMode"],
        "PortBindings": _bindings(container.get("ports", [])),
        "ExtraHosts": converted(container.get("hosts"), lambda entry: f"{entry['host']}:{entry['ip']}"),
        "Dns": container.get("dns"),
        "DnsSearch": container.get("dnsSearches"),
    }


def _port(port: Properties) -> str:
    return f"{port['internal']}/{port['protocol']}"


def _bindings(ports: list[Properties]) -> Spec:
    bindings: Spec = {}
    for port in ports:
        binding = {"HostIp": port["ip"], "HostPort": str(port.get("external", 0))}
        bindings.setdefault(_port(port), []).append(binding)
    return bindings
