"""What is wrong with hosts, and what to do about it: decided by facts, without asking a host."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from infra.hosts import layout
from infra.hosts.facts import Docker, Facts, Share, Trouble

ACCEPT = "infra/hosts/node/accept_registry.py"
NFS = ("nfs", "nfs4")  # what the kernel calls version 3, and those from 4.0 on
# What a mount option does to the cluster; why: docs/guarantees.md.
LOSES = "while the file server is away, what a program has written may be lost without its knowing"
NFS_OPTIONS = {
    "nocto": "for a minute it may not see that a job was cancelled, or that another host has taken it over",
    "soft": LOSES,
    "softerr": LOSES,
}
OPTIONS = {"noexec": "no program of a workflow can run from it"}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with a host, and what the operator does about it."""

    what: str
    fix: str


def not_reached(words: str, login: str) -> Problem:
    """ssh does not get through; ``login`` is what a person would type."""
    fix = f"make this work: {login} true"
    if "Host key verification failed" in words:
        fix = f"log in once by hand and confirm the host's key: {login}"
    elif "Permission denied" in words:
        fix = f"let your key in (ssh-copy-id), then try: {login} true"
    elif "python3" in words and "not found" in words:
        fix = "install Python 3.9 or newer as python3"
    return Problem(what=f"it cannot be asked: {words}", fix=fix)


def host_problems(
    facts: Facts, shared_path: str, job_folders: Sequence[str], *, is_manager: bool
) -> Iterator[Problem]:
    """What is wrong with a host by itself; ``job_folders`` are the names of the workflows' folders."""
    if facts.python < layout.PYTHON:
        version = ".".join(map(str, facts.python))
        yield Problem(
            what=f"its python3 is {version}; 3.9 or newer is needed", fix="install Python 3.9 or newer"
        )
    if not can_be_reached(facts.address):
        yield Problem(
            what=f"ssh reaches it at {facts.address or 'an unknown address'}, where other hosts cannot",
            fix="name the host by its IPv4 address, or by a name for it, in the network of the hosts",
        )
    if isinstance(facts.docker, Trouble):
        yield _no_docker(facts.docker, facts.user)
    else:
        yield from _docker_problems(facts.docker, is_manager=is_manager)
    if isinstance(facts.share, Trouble):
        yield _no_share(facts.share, facts.user, shared_path)
    else:
        yield from mount_problems(facts.share, shared_path)
        if is_manager:
            yield from share_problems(facts.share, shared_path, job_folders)


def can_be_reached(address: str) -> bool:
    try:
        return not IPv4Address(address).is_loopback
    except AddressValueError:
        return False


def _no_docker(trouble: Trouble, user: str) -> Problem:
    if trouble.kind == "missing":
        return Problem(what="there is no docker command", fix="install Docker Engine 20.10 or newer")
    if trouble.kind == "denied":
        return Problem(what=f"{user} may not use docker", fix=f"sudo usermod -aG docker {shlex.quote(user)}")
    return Problem(what=f"docker does not answer: {trouble.words}", fix="sudo systemctl start docker")


def _docker_problems(docker: Docker, *, is_manager: bool) -> Iterator[Problem]:
    if _version(docker.version) < layout.DOCKER:
        yield Problem(
            what=f"docker is {docker.version}; 20.10 or newer is needed", fix="install a newer Docker"
        )
    if docker.system != "linux":
        yield Problem(what=f"docker runs {docker.system} containers", fix="use a Linux host")
    if docker.live_restore:
        # Without the line, docker would keep what it has when it reads its file again.
        yield Problem(
            what="its docker has live-restore on, with which it can be in no swarm",
            fix='set "live-restore": false in its /etc/docker/daemon.json, then '
            "sudo systemctl reload docker, which restarts nothing",
        )
    if docker.selinux:
        yield Problem(
            what="its docker has selinux-enabled, with which containers may use neither docker's socket nor "
            "folders of the host, as the cluster's do",
            fix='set "selinux-enabled": false in its /etc/docker/daemon.json (or take --selinux-enabled off '
            "dockerd's command line), then sudo systemctl restart docker, which restarts its containers",
        )
    needed = layout.MANAGER_SPACE if is_manager else layout.WORKER_SPACE
    if 0 <= docker.free < needed:
        yield Problem(
            what=f"docker's disk has {_gib(docker.free)} free; {_gib(needed)} are needed",
            fix="docker system df shows what takes room",
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _gib(size: int) -> str:
    return f"{size / layout.GIB:.1f} GiB"


def _no_share(trouble: Trouble, user: str, path: str) -> Problem:
    if trouble.kind == "missing":
        return Problem(
            what=f"{path} is no folder there", fix=f"mount the shared disk so that {path} is on it"
        )
    return Problem(
        what=f"{user} cannot write to {path}: {trouble.words}", fix=f"sudo chown {shlex.quote(user)} {path}"
    )


def mount_problems(share: Share, path: str) -> Iterator[Problem]:
    """What is wrong with how a host has the share, or with what the file server lets it do there."""
    harm = NFS_OPTIONS | OPTIONS if share.filesystem in NFS else OPTIONS
    for option, words in harm.items():
        if option in share.options:
            yield Problem(
                what=f"{path} is mounted with {option} there: {words}",
                fix=f"remove {option} from the options of {path} (/etc/fstab), unmount it and mount it "
                "again; a remount may keep the option",
            )
    if share.boolean and share.filesystem in NFS:
        yield Problem(
            what=f"SELinux keeps docker's containers from {path}, which is NFS: {share.boolean} is off",
            fix=f"sudo setsebool -P {share.boolean} on",
        )
    for name in share.locked:
        yield Problem(
            what=f"{path}/{name} belongs to uid {share.owners[name]}, which may not write there: the file "
            "server takes it for another user",
            fix="export the share without all_squash: all users but root have to keep their uids",
        )
    if not share.links:
        yield Problem(
            what=f"{path} is on a file system ({share.filesystem or 'unknown'}) where a file cannot have a "
            "second name, which the ledger needs",
            fix="use a shared disk with hard links, such as NFS",
        )


def share_problems(share: Share, path: str, job_folders: Sequence[str]) -> Iterator[Problem]:
    """What keeps the cluster from having its folders on the share."""
    if 0 <= share.free < layout.SHARE_SPACE:
        yield Problem(
            what=f"{path} has {_gib(share.free)} free; {_gib(layout.SHARE_SPACE)} are needed",
            fix="make room on the shared disk",
        )
    owners = layout.owners(job_folders)
    for name, uid in owners.items():
        if share.owners.get(name, uid) != uid:
            folder = shlex.quote(f"{path}/{name}")
            yield Problem(
                what=f"{path}/{name} belongs to uid {share.owners[name]}, but uid {uid} is to write there",
                fix=f"sudo chown -R {uid}:1000 {folder}, or another shared_path",
            )
    if not share.gives_away:
        missing = [name for name in owners if name not in share.owners]
        commands = " && ".join(f"{layout.making(name, path)}" for name in missing)
        yield Problem(
            what=f"folders in {path} cannot be made for uids 1000 and 1001: it takes root, or sudo without a "
            "password, and a disk that lets root do so",
            fix=f"as root, where the disk allows it: {commands}",
        )


def manager_problems(_facts: Facts, manager: Facts) -> Iterator[Problem]:
    """What keeps the manager from having the stack's own swarm."""
    docker, share = manager.docker, manager.share
    if isinstance(docker, Docker) and docker.in_swarm and not has_own_swarm(manager):
        swarm = docker.cluster or f"a swarm (as {docker.state})"
        known = share.swarm if isinstance(share, Share) else ""
        yield Problem(
            what=f"it is in {swarm}, which is not this stack's{f' ({known})' if known else ''}",
            fix="choose another manager; or, if nobody needs that swarm: docker swarm leave --force",
        )


def has_own_swarm(manager: Facts) -> bool:
    """Whether it manages the swarm of the record on the share, which the stack's manager wrote."""
    docker, share = manager.docker, manager.share
    return (
        isinstance(docker, Docker)
        and isinstance(share, Share)
        and docker.control
        and docker.cluster == share.swarm
    )


def worker_problems(facts: Facts, manager: Facts) -> Iterator[Problem]:
    """What keeps a host from being a worker of this manager."""
    apart = facts.ahead - manager.ahead
    if abs(apart) > layout.CLOCKS_APART:
        yield Problem(
            what=f"its clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} the manager's",
            fix="sudo timedatectl set-ntp true, on whichever of the two is wrong",
        )
    docker, other = facts.docker, manager.docker
    if isinstance(docker, Trouble) or isinstance(other, Trouble):
        return
    if docker.platform != other.platform:
        yield Problem(
            what=f"it is {docker.platform}, the manager is {other.platform}; images are built for one",
            fix="use hosts of one kind",
        )
    if not docker.in_swarm:
        return
    if not has_own_swarm(manager) or docker.node not in other.nodes:
        yield Problem(
            what=f"it is in another swarm (node {docker.node}, {docker.state})",
            fix="choose another host; or, if that swarm does not need it: docker swarm leave",
        )
    elif docker.control:
        yield Problem(what="it is a manager of this swarm", fix=f"docker node demote {docker.node}")


def registry_problems(facts: Facts, manager: Facts, login: str) -> Iterator[Problem]:
    """Whether its docker takes images from the cluster's registry, which has no TLS."""
    if isinstance(facts.docker, Trouble) or not can_be_reached(manager.address):
        return
    registry = layout.registry(manager.address)
    if facts.docker.lacks_flag(registry):
        yield Problem(
            what="its dockerd has --insecure-registry on its command line, but not for the cluster's "
            f"registry {registry}; with a list in daemon.json as well it would not start again",
            fix=f"add --insecure-registry {registry} to that command line (systemctl cat docker shows it), "
            'remove "insecure-registries" from /etc/docker/daemon.json, then sudo systemctl restart docker',
        )
    elif not facts.docker.accepts(registry):
        as_root = "" if facts.user == "root" else "sudo -n "
        yield Problem(
            what=f"its docker does not accept the cluster's registry {registry}, which has no TLS",
            fix=f'add "insecure-registries": ["{registry}"] to its /etc/docker/daemon.json, then '
            "sudo systemctl reload docker, which restarts nothing; or let this do both: "
            f"{login} {as_root}python3 - {registry} <{ACCEPT}",
        )


def address_problems(facts: Facts, manager: Facts) -> Iterator[Problem]:
    """Whether an overlay network of the stack's swarm has addresses that a new host has or reaches already.

    A host whose network is larger can be a node: only the containers on it miss a part of that network.
    """
    docker, other = facts.docker, manager.docker
    if isinstance(docker, Trouble) or docker.in_swarm or not has_own_swarm(manager):
        return
    assert isinstance(other, Docker)
    for name, subnet in other.overlays:
        if met := next((network for network in facts.networks if network.subnet_of(subnet)), None):
            yield Problem(
                what=f"it is in {met} or has a route there, and the swarm's network {name} has {subnet}",
                fix="choose another host; or give the cluster other addresses: pulumi destroy, "
                "pulumi config set overlay_pool NETWORK, pulumi up",
            )


def small_packets(packets: Mapping[str, int]) -> Iterator[Problem]:
    """Judge by the largest packet that arrives undivided at each address; 0 where none of those tried did."""
    least, port = min(layout.PACKETS), layout.OVERLAY_PORT[1]
    for address, size in packets.items():
        if size < least:
            yield Problem(
                what=f"UDP packets of {least} bytes do not get from it to {address} at port {port}, though "
                "small ones do",
                fix="raise the MTU of what is between them (ip link shows each host's), or have the firewall "
                "let large packets through",
            )


def same_name(name: str, other: str) -> Problem:
    return Problem(
        what=f"its host name is {name}, and so is that of {other}",
        fix="name each host once, and give each a host name of its own: sudo hostnamectl set-hostname NAME",
    )


def port_taken(port: layout.Port) -> Problem:
    protocol, number = port
    return Problem(
        what=f"{protocol.upper()} port {number} is in use by another program",
        fix=f"sudo ss -lnp 'sport = :{number}' shows which; stop it there",
    )


def share_differs(mark: str, path: str) -> Iterator[Problem]:
    """Judge by whether the host found the file that the manager wrote."""
    if mark == "missing":
        yield Problem(
            what=f"what the manager writes to {path} does not come to be here: it is another disk",
            fix="mount the disk that the manager has there",
        )
    if mark == "denied":
        yield Problem(
            what=f"what the manager's user keeps to himself in {path} cannot be read here: the join token",
            fix="use the same user, with the same uid, on all hosts",
        )


def closed_ports(ports: Sequence[tuple[str, str, int]]) -> Iterator[Problem]:
    """Judge by the ports (protocol, address, number) at which no host answered."""
    addresses = sorted({address for _, address, _ in ports})
    for there in addresses:
        closed = ", ".join(
            f"{protocol.upper()} {port}" for protocol, address, port in ports if address == there
        )
        yield Problem(
            what=f"it does not reach {there} at {closed}",
            fix=f"open these ports for it in the firewall of {there}, or of what is between",
        )
