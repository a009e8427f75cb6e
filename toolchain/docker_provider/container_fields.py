"""The properties of docker:index/container:Container."""

from __future__ import annotations

from .convert import DURATION
from .schema import Fields, block, flag, labels, listing, mapping, number, output, text, unordered
from .service_fields import NOT_NEGATIVE

MOUNT: Fields = {
    "target": text(required=True),
    "source": text(),
    "type": text(required=True, allowed=r"^(bind|volume|tmpfs)$"),
    "readOnly": flag(),
    "bindOptions": block({"propagation": text(allowed=r"^(private|rprivate|shared|rshared|slave|rslave)$")}),
    "volumeOptions": block(
        {"noCopy": flag(), "labels": labels(replaces=True), "driverName": text(), "driverOptions": mapping()}
    ),
    "tmpfsOptions": block({"sizeBytes": number(), "mode": number()}, replaces=True),
}

VOLUME: Fields = {
    "fromContainer": text(replaces=True),
    "containerPath": text(replaces=True),
    "hostPath": text(replaces=True, allowed="^/"),
    "volumeName": text(replaces=True),
    "readOnly": flag(replaces=True),
}

PORT: Fields = {
    "internal": number(required=True, replaces=True),
    "external": number(computed=True, replaces=True),
    "ip": text(default="0.0.0.0", replaces=True),
    "protocol": text(default="tcp", replaces=True),
}

UPLOAD: Fields = {
    "content": text(replaces=True),
    "contentBase64": text(replaces=True),
    "file": text(required=True, replaces=True),
    "executable": flag(default=False, replaces=True),
    "permissions": text(replaces=True, allowed=r"^0[0-7]{3}$"),
    "source": text(replaces=True),
    "sourceHash": text(replaces=True),
}

NETWORK: Fields = {
    "name": text(required=True, replaces=True),
    "aliases": unordered(replaces=True),
    "ipv4Address": text(replaces=True),
    "ipv6Address": text(replaces=True),
}

HEALTHCHECK: Fields = {
    "tests": listing(),
    **{
        name: text(default="0s", allowed=DURATION)
        for name in ("interval", "timeout", "startPeriod", "startInterval")
    },
    "retries": number(default=0, allowed=NOT_NEGATIVE),
}


def _kept_if_empty(old: str, new: str) -> bool:
    return new in ("", old)


CONTAINER: Fields = {
    "name": text(required=True, replaces=True),
    "image": text(required=True, replaces=True),
    "rm": flag(default=False),
    "start": flag(default=True),
    "mustRun": flag(default=True),
    "wait": flag(default=False),
    "waitTimeout": number(default=60),
    "attach": flag(default=False, allowed="^False$"),
    "logs": flag(default=False, allowed="^False$"),
    "removeVolumes": flag(default=True),
    "destroyGraceSeconds": number(),
    "containerReadRefreshTimeoutMilliseconds": number(default=15000),
    "hostname": text(computed=True, replaces=True),
    "domainname": text(replaces=True),
    "command": listing(computed=True, replaces=True),
    "entrypoints": listing(computed=True, replaces=True),
    "user": text(replaces=True, same=_kept_if_empty),
    "workingDir": text(replaces=True, same=_kept_if_empty),
    "envs": unordered(computed=True, replaces=True),
    "labels": labels(replaces=True, computed=True),
    "init": flag(computed=True),
    "tty": flag(default=False, replaces=True),
    "stdinOpen": flag(default=False, replaces=True),
    "stopSignal": text(computed=True, replaces=True),
    "stopTimeout": number(computed=True, replaces=True),
    "restart": text(default="no", allowed=r"^(no|on-failure|always|unless-stopped)$"),
    "maxRetryCount": number(),
    "privileged": flag(replaces=True),
    "readOnly": flag(default=False, replaces=True),
    "capabilities": block(
        {"adds": unordered(replaces=True), "drops": unordered(replaces=True)}, replaces=True
    ),
    "securityOpts": unordered(computed=True, replaces=True),
    "cgroupnsMode": text(replaces=True, allowed=r"^(private|host)$"),
    "cgroupParent": text(replaces=True),
    "pidMode": text(replaces=True),
    "ipcMode": text(computed=True, replaces=True),
    "usernsMode": text(replaces=True),
    "runtime": text(computed=True, replaces=True),
    "platform": text(computed=True, replaces=True),
    "sysctls": mapping(replaces=True),
    "groupAdds": unordered(replaces=True),
    "ulimits": unordered(
        block(
            {name: number(required=True, replaces=True) for name in ("soft", "hard")}
            | {"name": text(required=True)}
        ),
        replaces=True,
    ),
    "memory": number(allowed=NOT_NEGATIVE),
    "memoryReservation": number(default=0, allowed=NOT_NEGATIVE),
    "memorySwap": number(allowed=r"^(-1|[0-9]+)$"),
    "shmSize": number(computed=True, replaces=True, allowed=NOT_NEGATIVE),
    "cpuShares": number(allowed=NOT_NEGATIVE),
    "tmpfs": mapping(),
    "mounts": unordered(block(MOUNT), replaces=True),
    "volumes": unordered(block(VOLUME), replaces=True),
    "uploads": unordered(block(UPLOAD), replaces=True),
    "networkMode": text(default="bridge", replaces=True),
    "networksAdvanced": unordered(block(NETWORK), replaces=True),
    "ports": listing(block(PORT), replaces=True),
    "hosts": unordered(
        block({"ip": text(required=True, replaces=True), "host": text(required=True, replaces=True)}),
        replaces=True,
    ),
    "dns": unordered(replaces=True),
    "dnsSearches": unordered(replaces=True),
    "logDriver": text(computed=True, replaces=True),
    "logOpts": mapping(replaces=True),
    "healthcheck": block(HEALTHCHECK, computed=True),
    "bridge": output(),
    "exitCode": output(),
    "containerLogs": output(),
    "networkDatas": output(),
}
