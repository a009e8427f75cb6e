"""What docker tells of a service, as properties: those that the vendor's plugin reads, and no others."""

from __future__ import annotations

from typing import Any

from .convert import duration, given, to_labels, to_pairs
from .values import Properties

Spec = dict[str, Any]


def service_state(service: Spec) -> Properties:
    spec = service["Spec"]
    endpoint = service.get("Endpoint", {})
    told = endpoint if endpoint.get("Spec", {}).get("Mode") else {"Spec": spec.get("EndpointSpec", {})}
    return {
        "name": spec["Name"],
        "labels": to_labels(spec.get("Labels")),
        "taskSpec": _task(spec["TaskTemplate"]),
        "mode": _mode(spec["Mode"]),
        "updateConfig": _rollout(spec.get("UpdateConfig")),
        "rollbackConfig": _rollout(spec.get("RollbackConfig")),
        "endpointSpec": {
            "mode": told["Spec"].get("Mode", ""),
            "ports": [_port(port) for port in told.get("Ports", told["Spec"].get("Ports")) or ()],
        },
    }


def _task(task: Spec) -> Properties:
    restart, placement, logs = task.get("RestartPolicy"), task.get("Placement"), task.get("LogDriver")
    resources = task.get("Resources")
    return given(
        {
            "containerSpec": _container(task["ContainerSpec"]),
            "resources": given(
                {
                    "limits": _amounts(resources.get("Limits")),
                    "reservation": _amounts(resources.get("Reservations")),
                }
            )
            if resources is not None
            else None,
            "restartPolicy": given(
                {
                    "condition": restart.get("Condition") or None,
                    "delay": _span(restart, "Delay"),
                    "maxAttempts": restart.get("MaxAttempts"),
                    "window": _span(restart, "Window"),
                }
            )
            if restart is not None
            else None,
            "placement": given(
                {
                    "constraints": placement.get("Constraints") or None,
                    "prefs": [
                        item["Spread"]["SpreadDescriptor"] for item in placement.get("Preferences") or ()
                    ]
                    or None,
                    "platforms": [
                        {"architecture": item.get("Architecture", ""), "os": item.get("OS", "")}
                        for item in placement.get("Platforms") or ()
                    ]
                    or None,
                    "maxReplicas": placement.get("MaxReplicas", 0),
                }
            )
            if placement is not None
            else None,
            "forceUpdate": task.get("ForceUpdate", 0),
            "runtime": task.get("Runtime") or None,
            "networksAdvanceds": [_network(item) for item in task.get("Networks") or ()] or None,
            "logDriver": given({"name": logs["Name"], "options": logs.get("Options") or None})
            if logs
            else None,
        }
    )


def _amounts(amounts: Spec | None) -> Properties | None:
    if amounts is None:
        return None
    return {"nanoCpus": amounts.get("NanoCPUs", 0), "memoryBytes": amounts.get("MemoryBytes", 0)}


def _span(spec: Spec, name: str) -> str | None:
    return duration(spec[name]) if name in spec else None


def _network(network: Spec) -> Properties:
    return given(
        {
            "id": network["Target"],
            "driverOpts": to_pairs(network.get("DriverOpts")),
            "aliases": network.get("Aliases") or None,
        }
    )


def _container(container: Spec) -> Properties:
    health, dns = container.get("Healthcheck"), container.get("DNSConfig")
    return given(
        {
            "image": container["Image"],
            "labels": to_labels(container.get("Labels")) or None,
            "commands": container.get("Command") or None,
            "args": container.get("Args") or None,
            "hostname": container.get("Hostname") or None,
            "env": dict(pair.partition("=")[::2] for pair in container.get("Env") or ()) or None,
            "user": container.get("User") or None,
            "dir": container.get("Dir") or None,
            "groups": container.get("Groups") or None,
            "readOnly": container.get("ReadOnly") or None,
            "mounts": [_mount(item) for item in container.get("Mounts") or ()] or None,
            "stopSignal": container.get("StopSignal") or None,
            "stopGracePeriod": _span(container, "StopGracePeriod"),
            "healthcheck": given(
                {
                    "tests": health.get("Test") or None,
                    "interval": duration(health.get("Interval", 0)),
                    "timeout": duration(health.get("Timeout", 0)),
                    "startPeriod": duration(health.get("StartPeriod", 0)),
                    "retries": health.get("Retries", 0),
                }
            )
            if health is not None
            else None,
            "hosts": [
                dict(zip(("ip", "host"), entry.split(" ")[:2], strict=True))
                for entry in container.get("Hosts") or ()
            ]
            or None,
            "dnsConfig": given(
                {
                    "nameservers": dns.get("Nameservers") or None,
                    "searches": dns.get("Search") or None,
                    "options": dns.get("Options") or None,
                }
            )
            if dns is not None
            else None,
            "secrets": [_file("secret", item) for item in container.get("Secrets") or ()] or None,
            "configs": [_file("config", item) for item in container.get("Configs") or ()] or None,
            "isolation": container.get("Isolation") or None,
            "sysctl": container.get("Sysctls") or None,
            "capAdds": container.get("CapabilityAdd") or None,
            "capDrops": container.get("CapabilityDrop") or None,
            "init": container.get("Init"),
        }
    )


def _file(kind: str, item: Spec) -> Properties:
    return {
        f"{kind}Id": item[f"{kind.title()}ID"],
        f"{kind}Name": item.get(f"{kind.title()}Name", ""),
        "fileName": item["File"]["Name"],
        "fileUid": item["File"]["UID"],
        "fileGid": item["File"]["GID"],
        "fileMode": item["File"]["Mode"],
    }


def _mount(mount: Spec) -> Properties:
    bind, volume, tmpfs = mount.get("BindOptions"), mount.get("VolumeOptions"), mount.get("TmpfsOptions")
    driver = (volume or {}).get("DriverConfig")
    return given(
        {
            "target": mount["Target"],
            "source": mount.get("Source", ""),
            "type": mount["Type"],
            "readOnly": mount.get("ReadOnly", False),
            "bindOptions": given({"propagation": bind.get("Propagation")}) if bind is not None else None,
            "volumeOptions": given(
                {
                    "noCopy": volume.get("NoCopy", False),
                    "labels": to_labels(volume.get("Labels")),
                    "driverName": driver.get("Name") or None if driver else None,
                    "driverOptions": driver.get("Options") or {} if driver else None,
                }
            )
            if volume is not None
            else None,
            "tmpfsOptions": {"sizeBytes": tmpfs.get("SizeBytes", 0), "mode": tmpfs.get("Mode", 0) & 0o777}
            if tmpfs is not None
            else None,
        }
    )


def _mode(mode: Spec) -> Properties:
    replicated = mode.get("Replicated")
    return given(
        {
            "replicated": given({"replicas": replicated.get("Replicas")}) if replicated is not None else None,
            "global": "Global" in mode,
        }
    )


def _rollout(rollout: Spec | None) -> Properties | None:
    if rollout is None:
        return None
    return {
        "parallelism": rollout.get("Parallelism", 0),
        "delay": duration(rollout.get("Delay", 0)),
        "failureAction": rollout.get("FailureAction", ""),
        "monitor": duration(rollout.get("Monitor", 0)),
        "maxFailureRatio": f"{rollout.get('MaxFailureRatio', 0):.1f}",
        "order": rollout.get("Order", ""),
    }


def _port(port: Spec) -> Properties:
    return {
        "name": port.get("Name", ""),
        "protocol": port.get("Protocol", ""),
        "targetPort": port["TargetPort"],
        "publishedPort": port.get("PublishedPort", 0),
        "publishMode": port.get("PublishMode", ""),
    }
