"""The properties of a service that docker reports: those that the vendor's plugin reads, and no others."""

from __future__ import annotations

from functools import partial

from .convert import (
    Spec,
    convert,
    converted,
    duration,
    filled,
    given,
    to_healthcheck,
    to_labels,
    to_mount,
    to_pairs,
)
from .values import Properties


def service_state(service: Spec) -> Properties:
    spec = service["Spec"]
    return {
        "name": spec["Name"],
        "labels": to_labels(spec.get("Labels")),
        "taskSpec": _task(spec["TaskTemplate"]),
        "mode": _mode(spec["Mode"]),
        "updateConfig": convert(spec.get("UpdateConfig"), _rollout),
        "rollbackConfig": convert(spec.get("RollbackConfig"), _rollout),
        "endpointSpec": _endpoint(service),
    }


def _task(task: Spec) -> Properties:
    return filled(
        {
            "containerSpec": _container(task["ContainerSpec"]),
            "forceUpdate": task.get("ForceUpdate", 0),
            "runtime": task.get("Runtime"),
            "networksAdvanceds": converted(task.get("Networks"), _network),
            "logDriver": convert(task.get("LogDriver"), _log_driver),
        }
    ) | given(  # a block counts even if nothing is in it
        {
            "resources": convert(task.get("Resources"), _resources),
            "restartPolicy": convert(task.get("RestartPolicy"), _restart_policy),
            "placement": convert(task.get("Placement"), _placement),
        }
    )


def _resources(resources: Spec) -> Properties:
    def amounts(amounts: Spec) -> Properties:
        return {"nanoCpus": amounts.get("NanoCPUs", 0), "memoryBytes": amounts.get("MemoryBytes", 0)}

    return given(
        {
            "limits": convert(resources.get("Limits"), amounts),
            "reservation": convert(resources.get("Reservations"), amounts),
        }
    )


def _restart_policy(policy: Spec) -> Properties:
    return filled(
        {
            "condition": policy.get("Condition"),
            "delay": convert(policy.get("Delay"), duration),
            "maxAttempts": policy.get("MaxAttempts"),
            "window": convert(policy.get("Window"), duration),
        }
    )


def _placement(placement: Spec) -> Properties:
    return filled(
        {
            "constraints": placement.get("Constraints"),
            "prefs": converted(placement.get("Preferences"), lambda item: item["Spread"]["SpreadDescriptor"]),
            "platforms": converted(
                placement.get("Platforms"),
                lambda item: {"architecture": item.get("Architecture", ""), "os": item.get("OS", "")},
            ),
            "maxReplicas": placement.get("MaxReplicas", 0),
        }
    )


def _network(network: Spec) -> Properties:
    return {
        "id": network["Target"],
        "aliases": network.get("Aliases") or [],
        "driverOpts": to_pairs(network.get("DriverOpts")),
    }


def _log_driver(driver: Spec) -> Properties:
    return filled({"name": driver["Name"], "options": driver.get("Options")})


def _container(container: Spec) -> Properties:
    return filled(
        {
            "image": container["Image"],
            "labels": to_labels(container.get("Labels")),
            "commands": container.get("Command"),
            "args": container.get("Args"),
            "hostname": container.get("Hostname"),
            "env": dict(pair.partition("=")[::2] for pair in container.get("Env") or ()),
            "user": container.get("User"),
            "dir": container.get("Dir"),
            "groups": container.get("Groups"),
            "readOnly": container.get("ReadOnly"),
            "mounts": converted(container.get("Mounts"), to_mount),
            "stopSignal": container.get("StopSignal"),
            "stopGracePeriod": convert(container.get("StopGracePeriod"), duration),
            "healthcheck": convert(container.get("Healthcheck"), partial(to_healthcheck, short=True)),
            "hosts": converted(container.get("Hosts"), _host),
            "secrets": converted(container.get("Secrets"), partial(_file, "secret")),
            "configs": converted(container.get("Configs"), partial(_file, "config")),
            "isolation": container.get("Isolation"),
            "sysctl": container.get("Sysctls"),
            "capAdds": container.get("CapabilityAdd"),
            "capDrops": container.get("CapabilityDrop"),
            "init": container.get("Init"),
        }
    ) | given({"dnsConfig": convert(container.get("DNSConfig"), _dns)})


def _host(entry: str) -> Properties:
    ip, host = entry.split(" ")[:2]
    return {"ip": ip, "host": host}


def _dns(dns: Spec) -> Properties:
    return filled(
        {
            "nameservers": dns.get("Nameservers"),
            "searches": dns.get("Search"),
            "options": dns.get("Options"),
        }
    )


def _file(kind: str, item: Spec) -> Properties:
    """A secret or config, as a file in the container."""
    return {
        f"{kind}Id": item[f"{kind.title()}ID"],
        f"{kind}Name": item.get(f"{kind.title()}Name", ""),
        "fileName": item["File"]["Name"],
        "fileUid": item["File"]["UID"],
        "fileGid": item["File"]["GID"],
        "fileMode": item["File"]["Mode"],
    }


def _mode(mode: Spec) -> Properties:
    replicated = convert(mode.get("Replicated"), lambda counted: given({"replicas": counted.get("Replicas")}))
    return given({"replicated": replicated, "global": "Global" in mode})


def _rollout(rollout: Spec) -> Properties:
    return {
        "parallelism": rollout.get("Parallelism", 0),
        "delay": duration(rollout.get("Delay", 0)),
        "failureAction": rollout.get("FailureAction", ""),
        "monitor": duration(rollout.get("Monitor", 0)),
        "maxFailureRatio": f"{rollout.get('MaxFailureRatio', 0):.1f}",
        "order": rollout.get("Order", ""),
    }


def _endpoint(service: Spec) -> Properties:
    """As the swarm has allocated it, or as it was asked for if the swarm has not."""
    asked = service["Spec"].get("EndpointSpec", {})
    allocated = service.get("Endpoint", {})
    if mode := allocated.get("Spec", {}).get("Mode"):
        return {"mode": mode, "ports": converted(allocated.get("Ports"), _port)}
    return {"mode": asked.get("Mode", ""), "ports": converted(asked.get("Ports"), _port)}


def _port(port: Spec) -> Properties:
    return {
        "name": port.get("Name", ""),
        "protocol": port.get("Protocol", ""),
        "targetPort": port["TargetPort"],
        "publishedPort": port.get("PublishedPort", 0),
        "publishMode": port.get("PublishMode", ""),
    }
