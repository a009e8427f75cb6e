"""A service's properties as docker's ServiceSpec.

A property that is not given is sent as an empty or zero value, as by the vendor's plugin, because docker
returns it so.
"""

from __future__ import annotations

import random
from functools import partial

from .convert import (
    Spec,
    convert,
    converted,
    from_healthcheck,
    from_labels,
    from_mount,
    from_pairs,
    nanoseconds,
    to_pairs,
)
from .values import Properties


def service_spec(service: Properties) -> Spec:
    return {
        "Name": service["name"],
        "Labels": from_labels(service.get("labels")),
        "TaskTemplate": _task(service["taskSpec"]),
        "Mode": _mode(service.get("mode", {})),
        "UpdateConfig": convert(service.get("updateConfig"), _rollout),
        "RollbackConfig": convert(service.get("rollbackConfig"), _rollout),
        "EndpointSpec": _endpoint(service.get("endpointSpec", {})),
    }


def _task(task: Properties) -> Spec:
    return {
        "ContainerSpec": _container(task["containerSpec"]),
        "Resources": _resources(task.get("resources", {})),
        "RestartPolicy": convert(task.get("restartPolicy"), _restart_policy) or {},
        "Placement": _placement(task.get("placement", {})),
        "ForceUpdate": task.get("forceUpdate", 0),
        "Runtime": task.get("runtime", ""),
        "Networks": converted(task.get("networksAdvanceds"), _network),
        "LogDriver": convert(task.get("logDriver"), _log_driver),
    }


def _resources(resources: Properties) -> Spec:
    def amounts(amounts: Properties) -> Spec:
        return {"NanoCPUs": amounts.get("nanoCpus", 0), "MemoryBytes": amounts.get("memoryBytes", 0)}

    return {
        "Limits": convert(resources.get("limits"), amounts),
        "Reservations": convert(resources.get("reservation"), amounts),
    }


def _restart_policy(policy: Properties) -> Spec:
    return {
        "Condition": policy.get("condition", ""),
        "Delay": nanoseconds(policy.get("delay")),
        "MaxAttempts": policy.get("maxAttempts", 0),
        "Window": nanoseconds(policy.get("window")),
    }


def _placement(placement: Properties) -> Spec:
    return {
        "Constraints": placement.get("constraints", []),
        "Preferences": converted(
            placement.get("prefs"), lambda label: {"Spread": {"SpreadDescriptor": label}}
        ),
        "Platforms": converted(
            placement.get("platforms"), lambda item: {"Architecture": item["architecture"], "OS": item["os"]}
        ),
        "MaxReplicas": placement.get("maxReplicas", 0),
    }


def _network(network: Properties) -> Spec:
    target = network.get("id") or network.get("name")
    if not target:
        raise ValueError("an entry of networksAdvanceds has neither id nor name; give it id=NETWORK.id")
    return {
        "Target": target,
        "Aliases": network.get("aliases", []),
        "DriverOpts": from_pairs(network.get("driverOpts")),
    }


def _log_driver(driver: Properties) -> Spec:
    return {"Name": driver["name"], "Options": driver.get("options", {})}


def _container(container: Properties) -> Spec:
    variables = to_pairs(container.get("env"))
    return {
        "Image": container["image"],
        "Labels": from_labels(container.get("labels")),
        "Command": container.get("commands", []),
        "Args": container.get("args", []),
        "Hostname": container.get("hostname", ""),
        # In random order, as the vendor's plugin sends them: to docker another order is a change.
        "Env": random.sample(variables, len(variables)),
        "User": container.get("user", ""),
        "Dir": container.get("dir", ""),
        "Groups": container.get("groups", []),
        "ReadOnly": container.get("readOnly", False),
        "Mounts": converted(container.get("mounts"), from_mount),
        "StopSignal": container.get("stopSignal", ""),
        "StopGracePeriod": nanoseconds(container.get("stopGracePeriod")),
        "Healthcheck": from_healthcheck(container.get("healthcheck", {})),
        "Hosts": converted(container.get("hosts"), lambda entry: f"{entry['ip']} {entry['host']}"),
        "DNSConfig": _dns(container.get("dnsConfig", {})),
        "Secrets": converted(container.get("secrets"), partial(_file, "secret")),
        "Configs": converted(container.get("configs"), partial(_file, "config")),
        "Isolation": container["isolation"],
        "Sysctls": container.get("sysctl", {}),
        "CapabilityAdd": container.get("capAdds", []),
        "CapabilityDrop": container.get("capDrops", []),
        "Init": container.get("init", False),
    }


def _dns(dns: Properties) -> Spec:
    return {
        "Nameservers": dns.get("nameservers", []),
        "Search": dns.get("searches", []),
        "Options": dns.get("options", []),
    }


def _file(kind: str, item: Properties) -> Spec:
    """A secret or config, as a file in the container."""
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


def _mode(mode: Properties) -> Spec:
    if mode.get("global"):
        return {"Global": {}}
    replicated = mode.get("replicated")
    return {"Replicated": {"Replicas": replicated["replicas"]}} if replicated is not None else {}


def _rollout(rollout: Properties) -> Spec:
    return {
        "Parallelism": rollout["parallelism"],
        "Delay": nanoseconds(rollout["delay"]),
        "FailureAction": rollout["failureAction"],
        "Monitor": nanoseconds(rollout["monitor"]),
        "MaxFailureRatio": float(rollout["maxFailureRatio"]),
        "Order": rollout["order"],
    }


def _endpoint(endpoint: Properties) -> Spec:
    return {"Mode": endpoint.get("mode", ""), "Ports": converted(endpoint.get("ports"), _port)}


def _port(port: Properties) -> Spec:
    return {
        "Name": port.get("name", ""),
        "Protocol": port["protocol"],
        "TargetPort": port["targetPort"],
        "PublishedPort": port.get("publishedPort", 0),
        "PublishMode": port["publishMode"],
    }
