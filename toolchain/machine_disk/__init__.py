"""The disk that virtual machines for tests begin with: Debian with kernel, systemd, sshd, docker and NFS.

It is made once and kept under a name that its recipe has. Each machine writes to an overlay of its own.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolchain import mirrors, system_packages
from toolchain.paths import LOGS, TOOLCHAIN
from toolchain.steps import Log, StepFailed
from toolchain.versions import BASE_SUITE

FILES = Path(__file__).parent / "files"
FOLDER = TOOLCHAIN / "machines"
LOG = LOGS / "machine-disk.log"

COMMANDS = {
    "qemu-system-x86_64": ("qemu-system-x86",),
    "qemu-img": ("qemu-utils",),
    "mmdebstrap": ("mmdebstrap",),
    "mke2fs": ("e2fsprogs",),
    "ip": ("iproute2",),
}
PACKAGES = (
    *("linux-image-amd64", "initramfs-tools", "lz4", "systemd-sysv", "dbus", "udev", "kmod", "procps"),
    *("openssh-server", "python3", "sudo", "iproute2", "iptables", "nftables", "firewalld"),
    *("nfs-kernel-server", "nfs-common", "docker.io", "docker-cli"),
    *("selinux-policy-default", "selinux-utils", "policycoreutils"),  # for a kernel that is told to use it
)
SELINUX = "/etc/selinux/default"
USER = "scientist"
SIZE = "16G"  # a file with holes: what docker is to have free, and images
MAKE_TIMEOUT = 900
COPY_TIMEOUT = 300


@dataclass(frozen=True, kw_only=True)
class Disk:
    """The files of a machine: its disk, what QEMU boots it with, and the key that root and USER let in."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root.img"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initial_ram_disk(self) -> Path:
        return self.folder / "initrd.img"

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def host_key(self) -> Path:
        """The public one: all machines have the same."""
        return self.folder / "host_key.pub"

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Nobody removes the disk, also not for one of another recipe, as long as the context lasts."""
        with self.key.open() as held:
            fcntl.flock(held, fcntl.LOCK_SH)
            yield


def ensure() -> Disk:
    """The disk; it is made if it is missing. Raises StepFailed where it cannot be had."""
    if os.geteuid() != 0:
        raise StepFailed("virtual machines need a network namespace, which only root can make")
    if os.uname().machine != "x86_64":
        raise StepFailed(f"the machines' disk is for x86_64; this is {os.uname().machine}")
    LOGS.mkdir(parents=True, exist_ok=True)
    FOLDER.mkdir(exist_ok=True)
    with _one_at_a_time(), LOG.open("wb") as file:
        log = Log(path=LOG, file=file)
        disk = Disk(folder=FOLDER / recipe())
        try:
            system_packages.ensure(COMMANDS, log)
            if not disk.folder.exists():
                _make(disk, log)
        except (OSError, subprocess.SubprocessError) as problem:
            raise StepFailed(f"{log.tail()}\nthe machines' disk: {problem}; the whole log: {LOG}") from None
    return disk


def recipe() -> str:
    """A name that changes with what is on the disk."""
    content = hashlib.sha256(Path(__file__).read_bytes() + BASE_SUITE.encode())
    for path in sorted(path for path in FILES.rglob("*") if path.is_file()):
        content.update(str(path.relative_to(FILES)).encode() + path.read_bytes())
    return content.hexdigest()[:16]


def remove_unused() -> None:
    """Remove disks by other recipes, and what is left of runs that were interrupted."""
    for old in filter(Path.is_dir, FOLDER.iterdir()):
        with ExitStack() as stack:
            if (key := Disk(folder=old).key).exists():
                try:
                    fcntl.flock(stack.enter_context(key.open()), fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
            shutil.rmtree(old)


def _make(disk: Disk, log: Log) -> None:
    remove_unused()
    with tempfile.TemporaryDirectory(dir=FOLDER) as place:
        made = Disk(folder=Path(place) / "disk")
        made.folder.mkdir()
        tree = Path(place) / "tree"
        log.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", made.key], timeout=COPY_TIMEOUT)
        log.run(_mmdebstrap_command(made, tree), timeout=MAKE_TIMEOUT)
        shutil.copy(tree / "vmlinuz", made.kernel)
        shutil.copy(tree / "initrd.img", made.initial_ram_disk)
        shutil.copy(tree / "etc/ssh/ssh_host_ed25519_key.pub", made.host_key)
        log.run(["mke2fs", "-q", "-t", "ext4", "-d", tree, made.root, SIZE], timeout=COPY_TIMEOUT)
        made.folder.rename(disk.folder)


def _mmdebstrap_command(disk: Disk, tree: Path) -> list[str]:
    early = "etc/initramfs-tools/conf.d usr/share/initramfs-tools/modules.d"  # read when the kernel comes
    inside = (
        f"useradd --create-home --uid 1234 --groups docker,sudo --shell /bin/bash {USER}",
        "systemctl enable systemd-networkd systemd-network-generator",
        "systemctl disable nfs-server firewalld",
    )
    keys = [
        f'install -D -m 0600 -o {owner} -g {owner} {disk.key}.pub "$1{home}/.ssh/authorized_keys"'
        for owner, home in (("0", "/root"), ("1234", f"/home/{USER}"))
    ]
    return [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        "--dpkgopt=force-unsafe-io",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        *(f"--aptopt={setting}" for setting in mirrors.apt_settings()),
        f'--essential-hook=cd {FILES} && cp --parents -r {early} "$1"',
        f'--customize-hook=cp -r --no-preserve=ownership {FILES}/. "$1"',
        *(f'--customize-hook=chroot "$1" {command}' for command in inside),
        *(f"--customize-hook={command}" for command in keys),
        f'--customize-hook=chroot "$1" chown -R {USER}: /home/{USER}',
        # At the end, when all files are there: an enforcing kernel reads these labels at its first boot.
        f'--customize-hook=chroot "$1" setfiles {SELINUX}/contexts/files/file_contexts /',
        BASE_SUITE,
        str(tree),
        *mirrors.source_list(disk.folder, BASE_SUITE),
    ]


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
