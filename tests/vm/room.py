"""Virtual machines on a network of their own; they end with the process that made them, however it ends.

The network is a namespace that this process enters: no interface, route or rule of the machine's own is
touched, and all of it is gone when the last process in it is. Disks are in a folder that is locked as long as
the process lives; a folder that nobody has locked is an earlier run's, and is removed.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from testing.waiting import until
from toolchain.machine_disk import USER, Disk
from toolchain.paths import TOOLCHAIN

RUNS = TOOLCHAIN / "machine-runs"
NETWORK = "192.168.77"
BRIDGE = "vm0"
REFEREE = f"{NETWORK}.1"  # this process, as the machines see it

KVM = Path("/dev/kvm")
CLONE_NEWNET = 0x40000000
COMMAND_TIMEOUT = 60  # seconds, where the processor helps
CONNECT_TIMEOUT = 10
BOOT_TIMEOUT = 60  # an idle machine needs 30
SYSTEMD_TIMEOUT = 90  # as systemd has it; a service that takes longer has failed
SYSTEMD_WAITS = ("timeout_start", "device_timeout")
EMULATED = 6  # so much longer where it does not


def processor_helps() -> bool:
    """Whether KVM runs any machine: its file may be there where the processor offers nothing (PVM, say)."""
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    offered = {"vmx", "svm"} & set(flags[1].split() if flags else ())
    return bool(offered) and os.access(KVM, os.R_OK | os.W_OK)


PATIENCE = 1 if processor_helps() else EMULATED


@contextmanager
def room(disk: Disk) -> Iterator[Room]:
    """Have this process, and what it starts, in the machines' network; at the end it is back in its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    with disk.kept(), _folder() as folder, open("/proc/thread-self/ns/net", "rb") as own:
        made = Room(disk=disk, folder=folder)
        _enter(libc.unshare(CLONE_NEWNET))
        try:
            made.open()
            yield made
        finally:
            made.close()
            _enter(libc.setns(own.fileno(), CLONE_NEWNET))


def _enter(answer: int) -> None:
    if answer:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that is this process's as long as it holds the lock in it."""
    RUNS.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with (RUNS / "lock").open("w") as all_of_them:
            fcntl.flock(all_of_them, fcntl.LOCK_EX)
            for earlier in RUNS.glob("*/lock"):
                _remove_if_abandoned(earlier)
            folder = Path(tempfile.mkdtemp(dir=RUNS))
            stack.callback(shutil.rmtree, folder)
            lock = stack.enter_context((folder / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _remove_if_abandoned(lock: Path) -> None:
    with lock.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(lock.parent)


def run(*line: str | Path, timeout: float = COMMAND_TIMEOUT, check: bool = True) -> str:
    done = subprocess.run(
        line, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL
    )
    if check and done.returncode:
        command = " ".join(map(str, line))
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(kw_only=True)
class Room:
    """A bridge, and the machines on it."""

    disk: Disk
    folder: Path
    machines: list[Machine] = field(default_factory=list)

    def open(self) -> None:
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{REFEREE}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        host_key = " ".join(self.disk.host_key.read_text().split()[:2])
        (self.folder / "known_hosts").write_text(f"{NETWORK}.* {host_key}\n")
        self.configuration.write_text(
            f"Host *\n  IdentityFile {self.disk.key}\n  IdentitiesOnly yes\n  ServerAliveInterval 30\n"
            f"  UserKnownHostsFile {self.folder}/known_hosts\n"
        )

    def close(self) -> None:
        for machine in self.machines:
            machine.cut_power()

    @property
    def configuration(self) -> Path:
        """The operator's ssh configuration."""
        return self.folder / "ssh_config"

    def add(
        self,
        name: str,
        *,
        without: Sequence[str] = (),
        parameters: Sequence[str] = (),
        memory: int = 1024,
        processors: int = 1,
        drive: Path | None = None,
    ) -> Machine:
        """Start another machine, without waiting for it.

        WITHOUT names services that it does not start; PARAMETERS are further ones of its kernel; DRIVE is a
        second disk to begin with.
        """
        number = len(self.machines) + 10
        machine = Machine(
            room=self,
            name=name,
            number=number,
            without=tuple(without),
            parameters=tuple(parameters),
            memory=memory,
            processors=processors,
            drive=drive,
        )
        tap = f"tap{number}"
        run("ip", "tuntap", "add", tap, "mode", "tap")
        run("ip", "link", "set", tap, "master", BRIDGE, "up")
        for overlay, base in machine.overlays.items():
            run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, overlay)
        self.machines.append(machine)
        machine.start()
        return machine

    def wait(self) -> float:
        """Wait until all machines answer; returns how many seconds that took."""
        begun = time.monotonic()
        for machine in self.machines:
            machine.wait()
        return time.monotonic() - begun


@dataclass(kw_only=True)
class Machine:
    """One machine, on or off."""

    room: Room
    name: str
    number: int
    without: tuple[str, ...]
    parameters: tuple[str, ...]
    memory: int
    processors: int
    drive: Path | None
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{NETWORK}.{self.number}"

    @property
    def url(self) -> str:
        return f"ssh://{USER}@{self.address}"

    @property
    def overlays(self) -> dict[Path, Path]:
        """The disks that the machine writes to, and what each begins with."""
        bases = filter(None, (self.room.disk.root, self.drive))
        return {self.room.folder / f"{self.name}-{number}.qcow2": base for number, base in enumerate(bases)}

    @property
    def console(self) -> Path:
        """What the machine has printed since it was switched on."""
        return self.room.folder / f"{self.name}.console"

    def start(self) -> None:
        """Switch the machine on. It ends with the thread that calls this, which has to be the main one."""
        kernel = [
            "root=/dev/vda rw quiet console=ttyS0 net.ifnames=0",
            # On a busy machine an emulated timer may be late, and that ends the kernel; it begins anew.
            "no_timer_check panic=1",
            f"ip={self.address}::{REFEREE}:255.255.255.0:{self.name}:eth0:none",
            f"systemd.hostname={self.name} systemd.machine_id={self.number:032x}",
            *(f"systemd.default_{what}_sec={SYSTEMD_TIMEOUT * PATIENCE}" for what in SYSTEMD_WAITS),
            *(f"systemd.mask={unit}" for unit in self.without),
            *self.parameters,
        ]
        line = [
            *("setpriv", "--pdeathsig", "KILL", "nice", "-n", "10", "qemu-system-x86_64"),
            *("-name", self.name, "-machine", "q35", "-cpu", "max"),
            *("-smp", str(self.processors), "-m", str(self.memory)),
            *("-accel", "kvm" if PATIENCE == 1 else "tcg,thread=multi"),
            *("-kernel", str(self.room.disk.kernel), "-initrd", str(self.room.disk.initial_ram_disk)),
            *("-append", " ".join(kernel)),
            *(
                word
                for overlay in self.overlays
                for word in ("-drive", f"file={overlay},if=virtio,cache=writeback")
            ),
            *("-netdev", f"tap,id=net,ifname=tap{self.number},script=no,downscript=no"),
            *("-device", f"virtio-net-pci,netdev=net,mac=52:54:00:12:34:{self.number:02x}"),
            *("-device", "virtio-rng-pci", "-display", "none", "-monitor", "none"),
            *("-serial", f"file:{self.console}"),
        ]
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL)

    def cut_power(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(COMMAND_TIMEOUT)
            self.process = None

    def wait(self) -> None:
        """Wait until the machine answers."""
        try:
            until(self.answers, seconds=BOOT_TIMEOUT * PATIENCE, what=f"an answer of {self.name}")
        except AssertionError as problem:
            raise AssertionError(f"{problem}: {self.last_words()}") from None

    def reboot(self) -> None:
        """Have the machine boot anew, as its user does it, and wait until it answers."""
        before = self.boot()
        self.run("systemctl reboot", check=False)
        until(
            lambda: self.boot() not in {"", before},
            seconds=(SYSTEMD_TIMEOUT + BOOT_TIMEOUT) * PATIENCE,
            what=f"another boot of {self.name}",
        )

    def boot(self) -> str:
        """The name that the kernel gave itself; empty while the machine does not answer."""
        return self.run("cat /proc/sys/kernel/random/boot_id", check=False)

    def answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, f"QEMU of {self.name} has ended: {self.last_words()}"
        return self.run("echo up", check=False) == "up\n"

    def last_words(self) -> str:
        if not self.console.exists():
            return "it printed nothing"
        return " / ".join(self.console.read_text(errors="replace").split("\n")[-5:])

    def ssh(self, command: str, user: str = "root") -> list[str]:
        """The line that runs a shell command there."""
        options = ("-F", str(self.room.configuration), "-o", "BatchMode=yes", "-o", "LogLevel=ERROR")
        connect = f"ConnectTimeout={CONNECT_TIMEOUT * PATIENCE}"
        return ["ssh", *options, "-o", connect, f"{user}@{self.address}", command]

    def run(
        self, command: str, *, user: str = "root", check: bool = True, timeout: float = COMMAND_TIMEOUT
    ) -> str:
        """Run a shell command."""
        return run(*self.ssh(command, user), check=check, timeout=timeout * PATIENCE)

    def put(self, folder: Path, names: Sequence[str], there: str) -> None:
        """Copy files and folders of FOLDER to a folder on the machine."""
        packed: IO[bytes]
        with tempfile.TemporaryFile() as packed:
            subprocess.run(
                ["tar", "-c", "--exclude=__pycache__", *names],
                cwd=folder,
                stdout=packed,
                check=True,
                timeout=60,
            )
            packed.seek(0)
            unpack = f"mkdir -p {shlex.quote(there)} && tar -x -C {shlex.quote(there)}"
            timeout = COMMAND_TIMEOUT * PATIENCE
            subprocess.run(self.ssh(unpack), stdin=packed, check=True, timeout=timeout)
