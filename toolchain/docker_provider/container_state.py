"""The properties of a container that docker reports: those that the vendor's plugin reads, and no others."""

from __future__ import annotations

from .container_spec import MIB
from .convert import Spec, converted, duration, to_healthcheck, to_mount
from .values import Properties


def container_state(found: Spec, known: Properties) -> Properties:
    """The state. ``known`` is the state before; it decides whether some keys are read at all."""
    config, host, networks = found["Config"], found["HostConfig"], found["NetworkSettings"]
    running = found["State"]["Running"]
    state: Properties = {
        "name": found["Name"].lstrip("/"),
        "image": found["Image"] if known.get("image", "").startswith("sha256:") else config["Image"],
        "rm": host["AutoRemove"],
        "mustRun": bool(known.get("mustRun")) and running,  # shows a container that has stopped
        "exitCode": None if running else found["State"]["ExitCode"],
        "hostname": config["Hostname"],
        "domainname": config["Domainname"],
        "command": config["Cmd"] or [],
        "entrypoints": config["Entrypoint"] or [],
        "envs": known.get("envs", []),  # docker reports the image's too; the same is true of labels
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
        "mounts": converted(host.get("Mounts"), to_mount),
        "networkMode": host["NetworkMode"],
        "hosts": converted(host["ExtraHosts"], _host),
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
        state["ulimits"] = converted(host["Ulimits"], _ulimit)
    if known.get("pidMode"):
        state["pidMode"] = host["PidMode"]
    if "Healthcheck" in config:
        state["healthcheck"] = _healthcheck(config["Healthcheck"])
    return state


def _healthcheck(health: Spec) -> Properties:
    interval = duration(health.get("StartInterval", 0), short=False)
    return {**to_healthcheck(health, short=False), "startInterval": interval}


def _ulimit(limit: Spec) -> Properties:
    return {"name": limit["Name"], "soft": limit["Soft"], "hard": limit["Hard"]}


def _host(entry: str) -> Properties:
    host, ip = entry.split(":", 1)
    return {"host": host, "ip": ip}


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
