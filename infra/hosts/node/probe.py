"""Runs on a host during the check: answers what the host has, and which ports of other hosts it reaches.

It comes over ssh and ends with the connection. Each line of its input is a question, {"do": WHAT, ...}; each
line of its output that begins with "oodt:" is an answer. Its only trace is a file on the share, for a moment.
It needs only the standard library of Python 3.9 or later.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PROCESS_ID = pathlib.Path("/var/run/docker.pid")
ROUTES = pathlib.Path("/proc/net/fib_trie")
MOUNTS = pathlib.Path("/proc/self/mountinfo")
SELINUX = pathlib.Path("/sys/fs/selinux")
# What policies call it that containers may use NFS: Debian's, and that of Fedora and Red Hat.
NFS_BOOLEANS = ("container_use_nfs", "virt_use_nfs")
# Seconds; a question says how many times as long they are.
DOCKER_TIMEOUT = 15
SUDO_TIMEOUT = 10
CONNECT_TIMEOUT = 3
TRIES = 3  # of a datagram, which may get lost
SHARE_TIMEOUT = 5  # until a file that one host wrote is there on another
AT_ONCE = 32
# Of pairs of a uid and a folder here, those where that user may not write. A user who may not come here is no
# evidence: docker brings each folder to a container by itself.
LOCKED = """command -v setpriv >/dev/null || exit 0
while [ $# -gt 0 ]; do
    as="setpriv --reuid=$1 --regid=1000 --clear-groups"
    $as test ! -x . || $as test -w "$2" || echo "$2"
    shift 2
done"""
DATAGRAM = b"oodt"
LABEL = 8  # bytes of a datagram that come back: these four, and four digits where it was sent to be measured
HEADERS = 28  # bytes that IPv4 and UDP add
# Of Linux, not named by Python: what the kernel knows of the way, and packets that nobody may divide.
IP_MTU, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE = 14, 10, 3

patience: float = 1


class Probe:
    def __init__(self) -> None:
        self.mark = ""
        self.sockets: list[socket.socket] = []

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        global patience  # noqa: PLW0603 - of the whole program, which serves a single conversation
        patience = question.get("patience", 1)
        kinds = {"greet": self.greet, "look": self.look, "listen": self.listen, "reach": self.reach}
        return kinds[question["do"]](question)

    def close(self) -> None:
        for listener in self.sockets:
            listener.close()
        if self.mark and os.path.exists(self.mark):
            os.unlink(self.mark)

    def greet(self, _question: dict[str, Any]) -> dict[str, Any]:
        """Where and as which user this runs; an answer shows that the login is done."""
        return {
            "python": list(sys.version_info[:2]),
            "user": pwd.getpwuid(os.getuid()).pw_name,
            "address": next(iter(os.environ.get("SSH_CONNECTION", "").split()[2:3]), ""),
        }

    def look(self, question: dict[str, Any]) -> dict[str, Any]:
        """What the host has, without regard to other hosts."""
        clock = time.time()
        info = docker_info()
        return {
            "clock": clock,
            "docker": info,
            "nodes": nodes() if info.get("control") else [],
            "overlays": overlays() if info.get("control") else [],
            "routes": ROUTES.read_text() if ROUTES.exists() else "",
            "docker_free": free(info.get("root", "/")),
            "share": self.share(question["share"], question["mark"], question["folders"]),
        }

    def share(self, path: str, mark: str, folders: list[str]) -> dict[str, Any]:
        """Leave this host's mark, and look which of the cluster's folders are there, and whose they are."""
        if not os.path.isdir(path):
            return {"problem": "missing"}
        file = os.path.join(path, mark)
        try:
            # As the join token is written: readable by this user only.
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(mark)
        except OSError as problem:
            return {"problem": "refused", "words": os.strerror(problem.errno or 0)}
        self.mark = file
        there = {
            name: os.stat(os.path.join(path, name)).st_uid
            for name in folders
            if is_folder(os.path.join(path, name))
        }
        return {
            "problem": "",
            "free": free(path),
            "owners": there,
            "gives_away": len(there) == len(folders) or gives_away(file),
            "locked": locked(path, there),
            "links": links(file),
            "boolean": nfs_boolean(SELINUX),
            "swarm": recorded_swarm(path),
            "mount": mount_of(path, MOUNTS.read_text()) if MOUNTS.exists() else {"kind": "", "options": []},
        }

    def listen(self, question: dict[str, Any]) -> dict[str, Any]:
        """Listen on the ports that are free here; ``taken`` are those that are not.

        Docker will bind them at each address, so that a program at the loopback address alone is in its way.
        This listens at one address: otherwise UDP's answers might come from another address than was asked.
        """
        taken = []
        for protocol, port in question["ports"]:
            if any(occupied(protocol, address, port) for address in question["everywhere"]):
                taken.append([protocol, port])
                continue
            try:
                listener = bound(protocol, question["address"], port)
                self.sockets.append(listener)
                if protocol == "tcp":
                    listener.listen(AT_ONCE)
            except OSError:
                taken.append([protocol, port])
                continue
            serve = accept if protocol == "tcp" else echo
            threading.Thread(target=serve, args=(listener,), daemon=True).start()
        return {"taken": taken}

    def reach(self, question: dict[str, Any]) -> dict[str, Any]:
        """Look for another host's mark on the share, connect to the others' ports, measure the ways there."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            opens = list(pool.map(lambda port: connects(*port), question["ports"]))
            packets = list(
                pool.map(lambda way: largest_packet(way[0], way[1], question["sizes"]), question["ways"])
            )
        return {
            "packets": packets,
            "mark": find(os.path.join(question["share"], question["mark"])) if question["mark"] else "",
            "closed": [port for index, port in enumerate(question["ports"]) if not opens[index]],
        }


def docker_info() -> dict[str, Any]:
    if not shutil.which("docker"):
        return {"problem": "missing"}
    code, out, words = run(["docker", "info", "--format", "{{json .}}"], DOCKER_TIMEOUT)
    try:
        info = json.loads(out)
    except ValueError:
        info = {}
    if code or not info.get("ServerVersion"):
        words = "; ".join(info.get("ServerErrors") or []) or words
        return {"problem": "denied" if "permission denied" in words else "silent", "words": words}
    swarm, registries = info["Swarm"], info["RegistryConfig"]
    return {
        "problem": "",
        "version": info["ServerVersion"],
        "system": info["OSType"],
        "architecture": info["Architecture"],
        "name": info["Name"],
        "root": info["DockerRootDir"],
        "state": swarm["LocalNodeState"],
        "node": swarm.get("NodeID", ""),
        "control": swarm.get("ControlAvailable", False),
        "cluster": (swarm.get("Cluster") or {}).get("ID", ""),
        "live_restore": info.get("LiveRestoreEnabled", False),
        "selinux": any("selinux" in option for option in info.get("SecurityOptions") or ()),
        "insecure": [name for name, index in registries["IndexConfigs"].items() if not index["Secure"]],
        "insecure_networks": registries["InsecureRegistryCIDRs"] or [],
        "registry_flags": registry_flags(command_line()),
    }


def command_line() -> list[str]:
    """Of the dockerd that runs; empty where it cannot be read."""
    try:
        return pathlib.Path(f"/proc/{int(PROCESS_ID.read_text())}/cmdline").read_text().split("\0")
    except (OSError, ValueError):
        return []


def registry_flags(arguments: list[str]) -> list[str]:
    """The values of --insecure-registry."""
    flag = "--insecure-registry"
    after = [arguments[place + 1] for place, each in enumerate(arguments[:-1]) if each == flag]
    return after + [each.partition("=")[2] for each in arguments if each.startswith(f"{flag}=")]


def nodes() -> list[str]:
    """Ids of the nodes that this manager has."""
    _, out, _ = run(["docker", "node", "ls", "--format", "{{.ID}}"], DOCKER_TIMEOUT)
    return out.split()


def overlays() -> list[list[str]]:
    """Name and addresses of each overlay network that this manager has."""
    _, out, _ = run(["docker", "network", "ls", "-q", "--filter", "driver=overlay"], DOCKER_TIMEOUT)
    if not out.split():
        return []
    _, out, _ = run(["docker", "network", "inspect", *out.split()], DOCKER_TIMEOUT)
    return [
        [network["Name"], config["Subnet"]]
        for network in json.loads(out or "[]")
        for config in network["IPAM"]["Config"] or []
        if ":" not in config["Subnet"]
    ]


def run(command: list[str], timeout: float, folder: str = "/") -> tuple[int, str, str]:
    limit = timeout * patience
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
            cwd=folder,
        )
    except FileNotFoundError:
        return 1, "", f"there is no command {command[0]}"
    except subprocess.TimeoutExpired:
        return 1, "", f"no answer within {limit:g} s"
    return done.returncode, done.stdout, done.stderr.strip()


def free(path: str) -> int:
    """Free bytes, or -1 where this user cannot know."""
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return -1


def ask_for(folder: str) -> None:
    """Have an NFS client ask the server what is in a folder; it may remember what was there a minute ago."""
    with contextlib.suppress(OSError):
        os.listdir(folder)


def is_folder(path: str) -> bool:
    ask_for(os.path.dirname(path))
    return os.path.isdir(path)


def gives_away(file: str) -> bool:
    """Whether a file on the share can be made another user's, as the cluster's folders have to be."""
    code, _ = as_root("chown", "1000", file)
    if code == 0:
        as_root("chown", str(os.getuid()), file)
    return code == 0


def locked(path: str, owners: dict[str, int]) -> list[str]:
    """Those of the folders where their owners may not write, as far as this user can find out."""
    pairs = [word for name, uid in owners.items() for word in (str(uid), name)]
    code, out = as_root("sh", "-c", LOCKED, "sh", *pairs, folder=path) if pairs else (0, "")
    return out.splitlines() if code == 0 else []


def links(file: str) -> bool:
    """Whether a file on the share can have a second name, and no third one of that."""
    second = f"{file}-2"
    try:
        os.link(file, second)
    except OSError:
        return False
    try:
        os.link(file, second)
    except FileExistsError:
        return True
    except OSError:
        return False
    finally:
        os.unlink(second)
    return False


def as_root(*command: str, folder: str = "/") -> tuple[int, str]:
    """Exit code and output of a command that root runs; 1 where this user cannot have that."""
    sudo = [] if os.getuid() == 0 else ["sudo", "-n"]
    return run([*sudo, *command], SUDO_TIMEOUT, folder)[:2]


def nfs_boolean(selinux: pathlib.Path) -> str:
    """The boolean of an enforcing SELinux that keeps containers from NFS; empty where none does."""
    try:
        if (selinux / "enforce").read_text() != "1":
            return ""
        known = [name for name in NFS_BOOLEANS if (selinux / "booleans" / name).exists()]
        off = known and (selinux / "booleans" / known[0]).read_text().startswith("0")
    except OSError:
        return ""
    return known[0] if off else ""


def mount_of(path: str, mounts: str) -> dict[str, Any]:
    """The file system that a folder is on, and the options that its mount has, from the kernel's list."""
    path = os.path.realpath(path)
    best = ("", "", "")
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point, flags = before.split()[4:6]
        within = path == point or path.startswith(point.rstrip("/") + "/")
        if within and len(point) >= len(best[0]):  # of two at one place the later one is seen
            kind, _, options = after.split()[:3]
            best = (point, kind, f"{flags},{options}")
    return {"kind": best[1], "options": best[2].split(",")}


def recorded_swarm(path: str) -> str:
    """Id of the swarm whose record is on the share; its token stays there."""
    folder = os.path.join(path, ".swarm")
    ask_for(path)
    ask_for(folder)
    try:
        with open(os.path.join(folder, "token.json")) as stream:
            return str(json.load(stream)["swarm"])
    except (OSError, ValueError, KeyError):
        return ""


def bound(protocol: str, address: str, port: int) -> socket.socket:
    """A socket at this address. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol == "tcp":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((address, port))
    except OSError:
        found.close()
        raise
    return found


def occupied(protocol: str, address: str, port: int) -> bool:
    """Whether somebody has the port there; where there is no IPv6, nobody has."""
    try:
        bound(protocol, address, port).close()
    except OSError as problem:
        return problem.errno == errno.EADDRINUSE
    return False


def accept(listener: socket.socket) -> None:
    while True:
        try:
            listener.accept()[0].close()
        except OSError:
            return


def echo(listener: socket.socket) -> None:
    while True:
        try:
            content, sender = listener.recvfrom(LABEL)
            listener.sendto(content, sender)
        except OSError:
            return


def connects(protocol: str, address: str, port: int) -> bool:
    """Whether somebody answers there."""
    if protocol == "tcp":
        try:
            socket.create_connection((address, port), CONNECT_TIMEOUT * patience).close()
            return True
        except OSError:
            return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(CONNECT_TIMEOUT * patience / TRIES)
        for _ in range(TRIES):
            try:
                sender.sendto(DATAGRAM, (address, port))
                if sender.recvfrom(len(DATAGRAM))[0] == DATAGRAM:
                    return True
            except OSError:
                time.sleep(0.1)  # also where the answer was a refusal
        return False


def largest_packet(address: str, port: int, sizes: list[int]) -> int:
    """The largest packet of these ``sizes`` that comes to ``address`` undivided, or 0.

    A port of 0 stands for one at which nobody answers: then it is what the kernel knows of the way.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
        try:
            sender.connect((address, port or 9))
            known = sender.getsockopt(socket.IPPROTO_IP, IP_MTU)
        except OSError:
            return 0
        if not port:
            return min(known, max(sizes))
        sender.settimeout(CONNECT_TIMEOUT * patience / TRIES)
        possible = [size for size in sizes if size <= known]
        arrived = {0}
        for _ in range(TRIES):
            if max(arrived) < max(possible, default=0):  # else nothing was lost
                arrived |= echoed(sender, possible)
        return max(arrived)


def echoed(sender: socket.socket, sizes: list[int]) -> set[int]:
    """Send a packet of each size; those that the other side says it has received."""
    for size in sizes:
        try:
            sender.send((DATAGRAM + b"%04d" % size).ljust(size - HEADERS, b"."))
        except OSError:
            continue  # too large for what is between, which the kernel has come to know
    arrived: set[int] = set()
    while not arrived or max(sizes) not in arrived:
        try:
            arrived.add(int(sender.recv(LABEL)[len(DATAGRAM) :]))
        except (OSError, ValueError):
            break
    return arrived


def find(file: str) -> str:
    """Whether another host's mark is there: a network's disk may take a moment."""
    deadline = time.monotonic() + SHARE_TIMEOUT * patience
    while True:
        ask_for(os.path.dirname(file))
        try:
            with open(file):
                return "seen"
        except PermissionError:
            return "denied"
        except OSError:
            if time.monotonic() > deadline:
                return "missing"
            time.sleep(0.2)


def main() -> None:
    probe = Probe()
    try:
        for line in sys.stdin.buffer:
            print(f"oodt:{json.dumps(probe.answer(json.loads(line)))}", flush=True)
    finally:
        probe.close()


if __name__ == "__main__":
    main()
