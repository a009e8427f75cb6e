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

# The archive comes on standard input, which a lost connection ends early: tar takes an archive that ends
# between two files for a whole one. A copy gets its final name once it is complete and on the disk. What
# killed commands left of the same kind goes first. The ten newest of each kind are kept. A copy that a
# service mounts is kept too: without it docker could not start another container of that service. So is one
# that a running container mounts: it may be on its way out and have jobs. A copy that goes loses its name
# before its files.
RECEIVE = """
set -e
{there}umask 022
mkdir -p {share}/config
rm -rf {share}/config/.{kind}.* || true
draft=$(mktemp -d {share}/config/.{kind}.XXXXXX)
trap 'rm -rf "$draft"' EXIT
cat >"$draft/tar"
if [ "$(sha256sum <"$draft/tar")" != "{digest}  -" ]; then
  echo "the copy of the workflow folders did not arrive whole; type: pulumi up" >&2
  exit 1
fi
mkdir -m 755 "$draft/copy"
tar -x -f "$draft/tar" -C "$draft/copy" --no-same-owner
sync -f "$draft"
there -d {copy} || mv -T "$draft/copy" {copy}
touch {copy}
sync -f {copy}
if services=$(docker service ls -q) && [ -n "$services" ] && mounts=$(docker service inspect $services) \\
  && tasks=$(docker service ps --no-trunc --format '{{{{.CurrentState}}}} {{{{.ID}}}}' $services) \\
  && running=$(echo "$tasks" | sed -n 's/^Running.* //p') \\
  && mounts=$mounts$([ -z "$running" ] || docker inspect --type task $running); then
  ls -dt {share}/config/{kind}-*/ | tail -n +11 | while read -r old; do
    case $mounts in *"$old"*) ;; *) mv "$old" "$draft" ;; esac
  done
fi
for name in {names}; do
  there -d {share}/jobs/"$name" && continue
  mkdir -p {share}/jobs
  mkdir "$draft/jobs"
  chown 1000:1000 "$draft/jobs"
  chmod 2775 "$draft/jobs"
  mv -T "$draft/jobs" {share}/jobs/"$name"
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
            there=THERE,
            share=props["share"],
            copy=props["path"],
            kind=props["kind"],
            digest=props["digest"],
            names=names,
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
