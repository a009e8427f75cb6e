"""A service's properties as docker's ServiceSpec.

Where nothing is given, an empty or zero value is sent rather than none, as the vendor's plugin does: docker
tells it back.
"""

from __future__ import annotations

from typing import Any

from .convert import from_labels, from_pairs, nanoseconds, to_pairs
from .values import Properties

Spec = dict[str, Any]


def service_spec(service: Properties) -> Spec:
    return {
        "Name": service["name"],
        "Labels": from_labels(service.get("labels")),
        "TaskTemplate": _task(service["taskSpec"]),
        "Mode": _mode(service.get("mode", {})),
        "UpdateConfig": _rollout(service.get("updateConfig")),
        "RollbackConfig": _rollout(service.get("rollbackConfig")),
        "EndpointSpec": _endpoint(service.get("endpointSpec", {})),
    }


def _task(task: Properties) -> Spec:
    resources, placement, restart = (
        task.get("resources", {}),
        task.get("placement", {}),
        task.get("restartPolicy"),
    )
    logs = task.get("logDriver")
    return {
        "ContainerSpec": _container(task["containerSpec"]),
        "Resources": {
            "Limits": _amounts(resources.get("limits")),
            "Reservations": _amounts(resources.get("reservation")),
        },
        "RestartPolicy": {
            "Condition": restart.get("condition", ""),
            "Delay": nanoseconds(restart.get("delay")),
            "MaxAttempts": restart.get("maxAttempts", 0),
            "Window": nanoseconds(restart.get("window")),
        }
        if restart is not None
        else {},
        "Placement": {
            "Constraints": placement.get("constraints", []),
            "Preferences": [{"Spread": {"SpreadDescriptor": label}} for label in placement.get("prefs", ())],
            "MaxReplicas": placement.get("maxReplicas", 0),
            "Platforms": [
                {"Architecture": item["architecture"], "OS": item["os"]}
                for item in placement.get("platforms", ())
            ],
        },
        "ForceUpdate": task.get("forceUpdate", 0),
        "Runtime": task.get("runtime", ""),
        "Networks": [_network(item) for item in task.get("networksAdvanceds", ())],
        "LogDriver": {"Name": logs["name"], "Options": logs.get("options", {})} if logs else None,
    }


def _amounts(amounts: Properties | None) -> Spec | None:
    if amounts is None:
        return None
    return {"NanoCPUs": amounts.get("nanoCpus", 0), "MemoryBytes": amounts.get("memoryBytes", 0)}


def _network(network: Properties) -> Spec:
    target = network.get("id") or network.get("name")
    if not target:
        raise ValueError("an entry of networksAdvanceds has neither id nor name; give it id=NETWORK.id")
    return {
        "Target": target,
        "Aliases": network.get("aliases", []),
        "DriverOpts": from_pairs(network.get("driverOpts")),
    }


def _container(container: Properties) -> Spec:
    health, dns = container.get("healthcheck", {}), container.get("dnsConfig", {})
    return {
        "Image": container["image"],
        "Labels": from_labels(container.get("labels")),
        "Command": container.get("commands", []),
        "Args": container.get("args", []),
        "Hostname": container.get("hostname", ""),
        "Env": to_pairs(container.get("env")),
        "Dir": container.get("dir", ""),
        "User": container.get("user", ""),
        "Groups": container.get("groups", []),
        "ReadOnly": container.get("readOnly", False),
        "Mounts": [_mount(item) for item in container.get("mounts", ())],
        "StopSignal": container.get("stopSignal", ""),
        "StopGracePeriod": nanoseconds(container.get("stopGracePeriod")),
        "Healthcheck": {
            "Test": health.get("tests", []),
            "Interval": nanoseconds(health.get("interval")),
            "Timeout": nanoseconds(health.get("timeout")),
            "StartPeriod": nanoseconds(health.get("startPeriod")),
            "Retries": health.get("retries", 0),
        },
        "Hosts": [f"{item['ip']} {item['host']}" for item in container.get("hosts", ())],
        "DNSConfig": {
            "Nameservers": dns.get("nameservers", []),
            "Search": dns.get("searches", []),
            "Options": dns.get("options", []),
        },
        "Secrets": [_file("secret", item) for item in container.get("secrets", ())],
        "Configs": [_file("config", item) for item in container.get("configs", ())],
        "Isolation": container["isolation"],
        "Sysctls": container.get("sysctl", {}),
        "CapabilityAdd": container.get("capAdds", []),
        "CapabilityDrop": container.get("capDrops", []),
        "Init": container.get("init", False),
    }


def _file(kind: str, item: Properties) -> Spec:
    return {
        f"{kind.title()}ID": item[f"{kind}Id"],
        f"{kind.title()}Name": item.get(f"{kind}Name", ""),
        "File": {
            "Name": item["fileName"],
            "UID": item["fileUid"],
            "GID": item["fileGid"],
            "Mode": item["fileMode"],
        },
    }


def _mount(mount: Properties) -> Spec:
    bind, volume, tmpfs = mount.get("bindOptions"), mount.get("volumeOptions"), mount.get("tmpfsOptions")
    return {
        "Type": mount["type"],
        "Target": mount["target"],
        "Source": mount.get("source", ""),
        "ReadOnly": mount.get("readOnly", False),
        "BindOptions": {"Propagation": bind["propagation"]} if bind is not None else None,
        "VolumeOptions": {
            "NoCopy": volume.get("noCopy", False),
            "Labels": from_labels(volume.get("labels")),
            "DriverConfig": {
                "Name": volume.get("driverName", ""),
                "Options": volume.get("driverOptions", {}),
            },
        }
        if volume is not None
        else None,
        "TmpfsOptions": {"SizeBytes": tmpfs.get("sizeBytes", 0), "Mode": tmpfs.get("mode", 0)}
        if tmpfs is not None
        else None,
    }


def _mode(mode: Properties) -> Spec:
    if mode.get("global"):
        return {"Global": {}}
    replicated = mode.get("replicated")
    return {"Replicated": {"Replicas": replicated["replicas"]}} if replicated is not None else {}


def _rollout(rollout: Properties | None) -> Spec | None:
    if rollout is None:
        return None
    return {
        "Parallelism": rollout["parallelism"],
        "Delay": nanoseconds(rollout["delay"]),
        "FailureAction": rollout["failureAction"],
        "Monitor": nanoseconds(rollout["monitor"]),
        "MaxFailureRatio": float(rollout["maxFailureRatio"]),
        "Order": rollout["order"],
    }


def _endpoint(endpoint: Properties) -> Spec:
    return {
        "Mode": endpoint.get("mode", ""),
        "Ports": [
            {
                "Name": port.get("name", ""),
                "Protocol": port["protocol"],
                "TargetPort": port["targetPort"],
                "PublishedPort": port.get("publishedPort", 0),
                "PublishMode": port["publishMode"],
            }
            for port in endpoint.get("ports", ())
        ],
    }
