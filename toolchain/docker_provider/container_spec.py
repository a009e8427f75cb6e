"""A container's properties as docker's container configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .convert import from_labels, given, nanoseconds
from .values import Properties

Spec = dict[str, Any]
MIB = 1024 * 1024
UNCONFINED_PATHS = "systempaths=unconfined"  # an option of the client's, not of the daemon's


def container_spec(container: Properties) -> Spec:
    health = container.get("healthcheck")
    volumes = [
        volume["containerPath"] for volume in container.get("volumes", ()) if volume.get("containerPath")
    ]
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
            "Volumes": {path: {} for path in volumes},
            "Healthcheck": _healthcheck(health) if health is not None else None,
            "HostConfig": _host_config(container),
        }
    )


def _healthcheck(health: Properties) -> Spec:
    return {
        "Test": health.get("tests", []),
        "Interval": nanoseconds(health["interval"]),
        "Timeout": nanoseconds(health["timeout"]),
        "StartPeriod": nanoseconds(health["startPeriod"]),
        "StartInterval": nanoseconds(health["startInterval"]),
        "Retries": health["retries"],
    }


def _host_config(container: Properties) -> Spec:
    capabilities, security = container.get("capabilities", {}), container.get("securityOpts")
    return given(
        {
            "Privileged": container.get("privileged", False),
            "ReadonlyRootfs": container["readOnly"],
            "AutoRemove": container["rm"],
            "RestartPolicy": {
                "Name": container["restart"],
                "MaximumRetryCount": container.get("maxRetryCount", 0),
            },
            "Runtime": container.get("runtime", ""),
            "Init": container.get("init", False),
            "CapAdd": _full_names(capabilities.get("adds", ())),
            "CapDrop": _full_names(capabilities.get("drops", ())),
            "SecurityOpt": [option for option in security if option != UNCONFINED_PATHS]
            if security
            else None,
            **({"MaskedPaths": [], "ReadonlyPaths": []} if UNCONFINED_PATHS in (security or ()) else {}),
            "CgroupnsMode": container.get("cgroupnsMode"),
            "CgroupParent": container.get("cgroupParent"),
            "PidMode": container.get("pidMode"),
            "IpcMode": container.get("ipcMode"),
            "UsernsMode": container.get("usernsMode"),
            "Sysctls": container.get("sysctls"),
            "GroupAdd": container.get("groupAdds"),
            "Ulimits": [
                {"Name": limit["name"], "Soft": limit["soft"], "Hard": limit["hard"]}
                for limit in container.get("ulimits", ())
            ],
            **memory(container),
            "ShmSize": container["shmSize"] * MIB if container.get("shmSize") else None,
            "Tmpfs": container.get("tmpfs"),
            "Mounts": [_mount(item) for item in container.get("mounts", ())],
            "Binds": [_bind(item) for item in container.get("volumes", ()) if _source(item)],
            "VolumesFrom": [
                item["fromContainer"] for item in container.get("volumes", ()) if "fromContainer" in item
            ],
            "NetworkMode": container["networkMode"],
            "PortBindings": _bindings(container.get("ports", [])),
            "ExtraHosts": [f"{item['host']}:{item['ip']}" for item in container.get("hosts", ())],
            "Dns": container.get("dns"),
            "DnsSearch": container.get("dnsSearches"),
            "LogConfig": {"Type": container.get("logDriver", ""), "Config": container.get("logOpts", {})},
        }
    )


def _full_names(capabilities: Iterable[str]) -> list[str]:
    """As docker's clients send them, and thus as the daemon tells them back: CAP_NET_ADMIN for net_admin."""
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


def _port(port: Properties) -> str:
    return f"{port['internal']}/{port['protocol']}"


def _bindings(ports: list[Properties]) -> Spec:
    bindings: Spec = {}
    for port in ports:
        binding = {"HostIp": port["ip"], "HostPort": str(port.get("external", 0))}
        bindings.setdefault(_port(port), []).append(binding)
    return bindings


def _source(volume: Properties) -> str:
    return str(volume.get("hostPath") or volume.get("volumeName") or "")


def _bind(volume: Properties) -> str:
    return f"{_source(volume)}:{volume['containerPath']}:{'ro' if volume.get('readOnly') else 'rw'}"


def _mount(mount: Properties) -> Spec:
    bind, volume, tmpfs = mount.get("bindOptions"), mount.get("volumeOptions"), mount.get("tmpfsOptions")
    options: Spec = {}
    if mount["type"] == "bind" and bind is not None:
        options["BindOptions"] = {"Propagation": bind.get("propagation", "")}
    elif mount["type"] == "volume" and volume is not None:
        driver = {"Name": volume.get("driverName", ""), "Options": volume.get("driverOptions", {})}
        options["VolumeOptions"] = {
            "NoCopy": volume.get("noCopy", False),
            "Labels": from_labels(volume.get("labels")),
            "DriverConfig": driver,
        }
    elif mount["type"] == "tmpfs" and tmpfs is not None:
        options["TmpfsOptions"] = {"SizeBytes": tmpfs.get("sizeBytes", 0), "Mode": tmpfs.get("mode", 0)}
    return {
        "Type": mount["type"],
        "Target": mount["target"],
        "Source": mount.get("source", ""),
        "ReadOnly": mount.get("readOnly", False),
        **options,
    }
