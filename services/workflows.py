"""The operator's workflow folders on the share: a read-only copy for each content."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
from pulumi.dynamic import ReadResult, Resource

from infra import ssh
from infra.dynamic import Props, Provider
from infra.share import THERE
from infra.swarm import Swarm
from runtime.policy.places import PARTS
from runtime.workflow_copy import NO_VARIABLES, archive

COPY_TIMEOUT = 300  # seconds
LOOK_TIMEOUT = 30  # seconds

# The archive comes on standard input; a copy is complete once it has its final name. The ten newest of each
# kind are kept. A copy that a service mounts is kept too: without it docker could not start another container
# of that service. So is one that a running container mounts: it may be on its way out and have jobs.
RECEIVE = """
set -e
{there}umask 022
mkdir -p {share}/config
draft=$(mktemp -d {share}/config/.new.XXXXXX)
trap 'rm -rf "$draft"' EXIT
tar -x -f - -C "$draft" --no-same-owner
chmod 755 "$draft"
there -d {copy} || mv "$draft" {copy}
touch {copy}
if services=$(docker service ls -q) && [ -n "$services" ] && mounts=$(docker service inspect $services) \\
  && tasks=$(docker service ps --no-trunc --format '{{{{.CurrentState}}}} {{{{.ID}}}}' $services) \\
  && running=$(echo "$tasks" | sed -n 's/^Running.* //p') \\
  && mounts=$mounts$([ -z "$running" ] || docker inspect --type task $running); then
  ls -dt {share}/config/{kind}-*/ | tail -n +11 | while read -r old; do
    case $mounts in *"$old"*) ;; *) rm -rf "$old" ;; esac
  done
fi
for name in {names}; do
  there -d {share}/jobs/"$name" && continue
  mkdir -p {share}/jobs/"$name"
  chown 1000:1000 {share}/jobs/"$name"
  chmod 2775 {share}/jobs/"$name"
done
"""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class CopyProvider(Provider):
    """Puts a copy on the share. Older copies stay for containers that still use them."""

    replaced_by = ("path",)
    limit = COPY_TIMEOUT

    def act(self, props: Props) -> tuple[str, Props]:
        directories = [Path(directory) for directory in props["directories"]]
        content = archive(directories, props["parts"], props.get("variables", {}))
        if _digest(content) != props["digest"]:
            raise RuntimeError("a workflow folder was changed during the update; type: pulumi up")
        names = " ".join(shlex.quote(directory.name) for directory in directories)
        command = RECEIVE.format(
            there=THERE, share=props["share"], copy=props["path"], kind=props["kind"], names=names
        )
        self.run(props, command, stdin=content)
        return props["path"], props

    def read(self, path: str, props: Props) -> ReadResult:
        """A refresh forgets a copy that the share lacks. A manager that does not answer changes nothing."""
        look = f"{THERE}there -d {path} || echo gone"
        try:
            found = ssh.run(self.identity(props), props["docker_host"], look, timeout=LOOK_TIMEOUT)
        except ssh.RemoteError:
            return ReadResult(path, props)
        return ReadResult("", {}) if found.strip() == "gone" else ReadResult(path, props)


class WorkflowCopy(Resource, module="workflows", name="Copy"):
    """Parts of the stack's workflow folders, copied to the share; ``path`` changes with their content."""

    path: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        directories: Sequence[Path],
        swarm: Swarm,
        *,
        parts: Sequence[str] = PARTS,
        variables: Mapping[str, Mapping[str, str]] = NO_VARIABLES,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        digest = _digest(archive(directories, parts, variables))
        props = {
            "directories": [str(directory) for directory in directories],
            "parts": list(parts),
            "variables": {name: dict(own) for name, own in variables.items()},
            "digest": digest,
            "share": swarm.share,
            "kind": name,
            "folder": swarm.identity.folder,
            "docker_host": swarm.docker_host,
            "path": f"{swarm.share}/config/{name}-{digest[:16]}",
        }
        super().__init__(CopyProvider(), name, props, opts)
