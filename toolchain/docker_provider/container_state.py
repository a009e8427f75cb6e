"""What docker tells of a container, as properties: those that the vendor's plugin reads, and no others."""

from __future__ import annotations

from typing import Any

from .container_spec import MIB
from .convert import duration, given, to_labels
from .values import Properties

Spec = dict[str, Any]


def container_state(found: Spec, known: Properties) -> Properties:
    """The state; ``known`` is what it was before, and decides on some keys whether they are read at all."""
    config, host, networks = found["Config"], found["HostConfig"], found["NetworkSettings"]
    running = found["State"]["Running"]
    state: Properties = {
        "name": found["Name"].lstrip("/"),
        "image": found["Image"] if known.get("image", "").startswith("sha256:") else config["Image"],
        "rm": host["AutoRemove"],
        "mustRun": bool(known.get("mustRun"))
        and running,  # a container that has stopped shows as a difference
        "exitCode": None if running else found["State"]["ExitCode"],
        "hostname": config["Hostname"],
        "domainname": config["Domainname"],
        "command": config["Cmd"] or [],
        "entrypoints": config["Entrypoint"] or [],
        "envs": known.get("envs", []),  # docker tells those of the image too, and labels likewise
        "labels": known.get("labels", []),
        "user": config["User"],
        "workingDir": config["WorkingDir"],
        "init": bool(host.get("Init")),
        "tty": config["Tty"],
        "stdinOpen": config["OpenStdin"],
        "stopSignal": config.get("StopSignal", ""),
        "stopTimeout": config.get("StopTimeout", 0),
        "restart": host["RestartPolicy"]["Name"],
        "maxRetryCount": host["RestartPolicy"]["MaximumRetryCount"],
        "privileged": host["Privileged"],
        "readOnly": host["ReadonlyRootfs"],
        "securityOpts": host["SecurityOpt"],
        "ipcMode": host["IpcMode"],
        "usernsMode": host["UsernsMode"],
        "runtime": host["Runtime"],
        "platform": found["Platform"],
        "sysctls": host.get("Sysctls"),
        "groupAdds": host["GroupAdd"],
        "memory": host["Memory"] // MIB,
        "memoryReservation": host["MemoryReservation"] // MIB,
        "memorySwap": host["MemorySwap"] // MIB if host["MemorySwap"] > 0 else host["MemorySwap"],
        "shmSize": host["ShmSize"] // MIB,
        "cpuShares": host["CpuShares"],
        "tmpfs": host.get("Tmpfs"),
        "mounts": [_mount(item) for item in host.get("Mounts") or ()],
        "networkMode": host["NetworkMode"],
        "hosts": [
            dict(zip(("host", "ip"), item.split(":", 1), strict=True)) for item in host["ExtraHosts"] or ()
        ],
        "dns": host["Dns"],
        "dnsSearches": host["DnsSearch"],
        "logDriver": host["LogConfig"]["Type"],
        "logOpts": host["LogConfig"]["Config"] if known.get("logOpts") else None,
        "bridge": networks.get("Bridge", ""),
        "networkDatas": [_network(name, item) for name, item in sorted(networks["Networks"].items())],
    }
    if host["CapAdd"] or host["CapDrop"]:
        state["capabilities"] = {"adds": host["CapAdd"] or [], "drops": host["CapDrop"] or []}
    if known.get("ports") and (running or known.get("mustRun")):
        state["ports"] = _ports(networks["Ports"] or {})
    if known.get("ulimits"):
        state["ulimits"] = [
            {"name": item["Name"], "soft": item["Soft"], "hard": item["Hard"]}
            for item in host["Ulimits"] or ()
        ]
    if known.get("pidMode"):
        state["pidMode"] = host["PidMode"]
    if "Healthcheck" in config:
        state["healthcheck"] = _healthcheck(config["Healthcheck"])
    return state


def _healthcheck(health: Spec) -> Properties:
    return {
        "tests": health.get("Test", []),
        "interval": duration(health.get("Interval", 0), short=False),
        "timeout": duration(health.get("Timeout", 0), short=False),
        "startPeriod": duration(health.get("StartPeriod", 0), short=False),
        "startInterval": duration(health.get("StartInterval", 0), short=False),
        "retries": health.get("Retries", 0),
    }


def _network(name: str, network: Spec) -> Properties:
    return {
        "networkName": name,
        "ipAddress": network["IPAddress"],
        "ipPrefixLength": network["IPPrefixLen"],
        "gateway": network["Gateway"],
        "globalIpv6Address": network["GlobalIPv6Address"],
        "globalIpv6PrefixLength": network["GlobalIPv6PrefixLen"],
        "ipv6Gateway": network["IPv6Gateway"],
        "macAddress": network["MacAddress"],
    }


def _ports(ports: Spec) -> list[Properties]:
    by_number = sorted(ports.items(), key=lambda item: int(item[0].partition("/")[0]))
    return [
        {
            "internal": int(port.partition("/")[0]),
            "external": int(binding["HostPort"]),
            "ip": binding["HostIp"],
            "protocol": port.partition("/")[2],
        }
        for port, bindings in by_number
        for binding in bindings or ()
    ]


def _mount(mount: Spec) -> Properties:
    bind, volume, tmpfs = mount.get("BindOptions"), mount.get("VolumeOptions"), mount.get("TmpfsOptions")
    driver = (volume or {}).get("DriverConfig", {})
    return given(
        {
            "target": mount["Target"],
            "source": mount.get("Source", ""),
            "type": mount["Type"],
            "readOnly": mount.get("ReadOnly", False),
            "bindOptions": {"propagation": bind.get("Propagation", "")} if bind is not None else None,
            "volumeOptions": {
                "noCopy": volume.get("NoCopy", False),
                "labels": to_labels(volume.get("Labels")),
                "driverName": driver.get("Name", ""),
                "driverOptions": driver.get("Options", {}),
            }
            if volume is not None
            else None,
            "tmpfsOptions": {"sizeBytes": tmpfs.get("SizeBytes", 0), "mode": tmpfs.get("Mode", 0)}
            if tmpfs is not None
            else None,
        }
    )
