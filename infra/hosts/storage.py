"""Folders on the share and volumes on the manager; only what the cluster made, and noted, is removed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from infra.hosts import layout
from infra.hosts.actions import Host
from infra.share import THERE

MAKE_TIMEOUT = 60  # seconds
REMOVE_TIMEOUT = 600  # seconds to remove the data of many jobs

# Folders of other users need root; sudo must not ask for a password.
AS_ROOT = 'root=; [ "$(id -u)" = 0 ] || root="sudo -n"\n'
# {notes} has a line for each folder and volume that the cluster made, for as long as that exists.
NOTED = 'noted() {{ grep -qxF -e "$1" {notes} 2>/dev/null; }}\n'
NOTE = 'note() {{ noted "$1" || echo "$1" >>{notes}; }}\n'


def make(manager: Host, address: str, job_folders: Sequence[str]) -> None:
    """Make the cluster's folders that are missing, and a job folder for each of these names.

    Docker makes the volumes later; volumes that exist already are not the cluster's.
    """
    manager.run("".join(_making(manager.share, address, job_folders)), timeout=MAKE_TIMEOUT)


def _making(share: str, address: str, job_folders: Sequence[str]) -> Iterator[str]:
    notes = f"{share}/{layout.NOTES}"
    yield "set -e\n" + AS_ROOT + THERE + NOTED.format(notes=notes) + NOTE.format(notes=notes)
    for name in _folders(job_folders):
        path, word = shlex.quote(f"{share}/{name}"), shlex.quote(name)
        own = name == layout.CONFIGURATION
        make = f"mkdir -m 0755 {path}" if own else f"$root {layout.making(name, share)}"
        # Two commands: `set -e` does not see the failure of the first of two that && joins.
        yield f"if ! there -d {path}; then\n{make}\nnote {word}\nfi\n"
    yield "there=$(docker volume ls -q)\n"
    for volume in layout.VOLUMES:
        yield f'echo "$there" | grep -qxF {volume} || note {address}/{volume}\n'


def remove(manager: Host, address: str, job_folders: Sequence[str]) -> list[str]:
    """Remove the folders and volumes that the cluster made; returns those that it did not make and leaves."""
    script = "".join(_removing(manager.share, address, job_folders))
    return manager.run(script, timeout=REMOVE_TIMEOUT).splitlines()


def _removing(share: str, address: str, job_folders: Sequence[str]) -> Iterator[str]:
    notes = f"{share}/{layout.NOTES}"
    yield "set -e\n" + AS_ROOT + THERE + NOTED.format(notes=notes)
    for volume in layout.VOLUMES:
        yield f"if noted {address}/{volume}; then docker volume rm -f {volume} >/dev/null\n"
        yield f"elif docker volume inspect {volume} >/dev/null 2>&1; then echo volume {volume}; fi\n"
    for name in _folders(job_folders):
        path, word = shlex.quote(f"{share}/{name}"), shlex.quote(name)
        # On a disk that takes root for nobody, the user may still remove what is his.
        remove = f"$root rm -rf {path} 2>/dev/null || rm -rf {path}"
        yield f"if noted {word}; then {remove}; elif there -e {path}; then echo {path}; fi\n"
    yield f"rm -f {notes}\n"


def _folders(job_folders: Sequence[str]) -> list[str]:
    return [*layout.owners(job_folders), layout.CONFIGURATION]
