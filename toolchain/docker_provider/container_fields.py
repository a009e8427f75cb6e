"""The properties of docker:index/container:Container."""

from __future__ import annotations

from .common_fields import HEALTHCHECK, NOT_NEGATIVE, hosts, mounts, span
from .schema import Fields, block, flag, labels, listing, mapping, number, output, text, unordered

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
    "removeVolumes": flag(default=True),
    "destroyGraceSeconds": number(),
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
    "mounts": mounts(propagation=None, replaces=True),
    "volumes": unordered(block(VOLUME), replaces=True),
    "uploads": unordered(block(UPLOAD), replaces=True),
    "networkMode": text(default="bridge", replaces=True),
    "networksAdvanced": unordered(block(NETWORK), replaces=True),
    "ports": listing(block(PORT), replaces=True),
    "hosts": hosts(),
    "dns": unordered(replaces=True),
    "dnsSearches": unordered(replaces=True),
    "logDriver": text(computed=True, replaces=True),
    "logOpts": mapping(replaces=True),
    "healthcheck": block({**HEALTHCHECK, "startInterval": span("0s")}, computed=True),
    # These have no effect here, but the vendor's plugin expects their defaults in a state that it takes over.
    "attach": flag(default=False, allowed="^False$"),
    "logs": flag(default=False, allowed="^False$"),
    "containerReadRefreshTimeoutMilliseconds": number(default=15000),
    "bridge": output(),
    "exitCode": output(),
    "containerLogs": output(),
    "networkDatas": output(),
}
