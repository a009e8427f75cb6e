"""The properties of docker:index/service:Service."""

from __future__ import annotations

from .common_fields import HEALTHCHECK, NOT_NEGATIVE, hosts, mounts, span
from .schema import Fields, block, flag, labels, listing, mapping, number, text, unordered

RATIO = r"^(0(\.[0-9]+)?|1(\.0+)?)$"


def same_ratio(old: str, new: str) -> bool:
    return float(old) == float(new)


def _file(kind: str) -> Fields:
    """A secret or config, as a file in the container."""
    return {
        f"{kind}Id": text(required=True),
        f"{kind}Name": text(),
        "fileName": text(required=True),
        "fileUid": text(default="0"),
        "fileGid": text(default="0"),
        "fileMode": number(default=0o444, allowed=NOT_NEGATIVE),
    }


def _rollout(failure_actions: str) -> Fields:
    return {
        "parallelism": number(default=1, allowed=NOT_NEGATIVE),
        "delay": span("0s"),
        "failureAction": text(default="pause", allowed=f"^({failure_actions})$"),
        "monitor": span("5s"),
        "maxFailureRatio": text(default="0.0", allowed=RATIO, same=same_ratio),
        "order": text(default="stop-first", allowed=r"^(stop-first|start-first)$"),
    }


CONTAINER: Fields = {
    "image": text(required=True),
    "labels": labels(replaces=True),
    "commands": listing(),
    "args": listing(),
    "hostname": text(),
    "env": mapping(),
    "dir": text(),
    "user": text(),
    "groups": listing(),
    "readOnly": flag(),
    "mounts": mounts(propagation="rprivate", replaces=False),
    "stopSignal": text(),
    "stopGracePeriod": span(computed=True),
    "healthcheck": block(HEALTHCHECK, computed=True),
    "hosts": hosts(),
    "secrets": unordered(block(_file("secret"))),
    "configs": unordered(block(_file("config"))),
    "isolation": text(default="default", allowed=r"^(default|process|hyperv)$"),
    "sysctl": mapping(replaces=True),
    "capAdds": listing(),
    "capDrops": listing(),
    "init": flag(computed=True),
    "dnsConfig": block(
        {"nameservers": listing(required=True), "searches": listing(), "options": listing()}, computed=True
    ),
}

TASK: Fields = {
    "containerSpec": block(CONTAINER, required=True),
    "resources": block(
        {
            "limits": block({"nanoCpus": number(), "memoryBytes": number()}),
            "reservation": block({"nanoCpus": number(), "memoryBytes": number()}),
        },
        computed=True,
    ),
    "restartPolicy": block(
        {
            "condition": text(allowed=r"^(none|on-failure|any)$"),
            "delay": span(),
            "maxAttempts": number(allowed=NOT_NEGATIVE),
            "window": span(),
        },
        computed=True,
    ),
    "placement": block(
        {
            "constraints": unordered(),
            "prefs": unordered(),
            "maxReplicas": number(allowed=NOT_NEGATIVE),
            "platforms": unordered(block({"architecture": text(required=True), "os": text(required=True)})),
        },
        computed=True,
    ),
    "forceUpdate": number(computed=True, allowed=NOT_NEGATIVE),
    "runtime": text(computed=True, allowed=r"^(container|plugin)$"),
    "networksAdvanceds": unordered(
        block(
            {
                "name": text(replaces=True),
                "id": text(replaces=True),
                "aliases": unordered(replaces=True),
                "driverOpts": unordered(replaces=True),
            }
        )
    ),
    "logDriver": block({"name": text(required=True), "options": mapping()}),
}

ENDPOINT: Fields = {
    "mode": text(computed=True, allowed=r"^(vip|dnsrr)$"),
    "ports": listing(
        block(
            {
                "name": text(),
                "protocol": text(default="tcp", allowed=r"^(tcp|udp|sctp)$"),
                "targetPort": number(required=True),
                "publishedPort": number(computed=True),
                "publishMode": text(default="ingress", allowed=r"^(host|ingress)$"),
            }
        )
    ),
}

SERVICE: Fields = {
    "name": text(required=True, replaces=True),
    "labels": labels(replaces=False, computed=True),
    "taskSpec": block(TASK, required=True),
    "mode": block(
        {
            "replicated": block({"replicas": number(default=1, allowed=NOT_NEGATIVE)}, computed=True),
            "global": flag(default=False),
        },
        computed=True,
        replaces=True,
    ),
    "updateConfig": block(_rollout("pause|continue|rollback")),
    "rollbackConfig": block(_rollout("pause|continue")),
    "endpointSpec": block(ENDPOINT, computed=True),
    "convergeConfig": block({"delay": span("7s"), "timeout": span("3m")}),
}
