"""docker:index/image:Image: built by the daemon from a local context, and pushed to a registry."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from .build_context import BuildContext
from .connection import Daemon
from .resource import Log, Problems, ResourceType
from .schema import Change, Fields, Verb, block, flag, mapping, problems, text
from .values import UNKNOWN, Properties, secret

INPUTS = "__inputs"  # where the state keeps the inputs of the last build, as the vendor's plugin does
LOG_LINES = 25  # of a failed build, shown in its error
LOG_INTERVAL = 5.0  # seconds between the shown lines of a step: without a terminal all of them stay
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

BUILD: Fields = {
    "context": text(),
    "dockerfile": text(),
    "args": mapping(),
    "target": text(),
    "platform": text(),
}


class BuildError(RuntimeError):
    """A build or a push failed; the message has the last lines of its log."""


class Image(ResourceType):
    token = "docker:index/image:Image"
    fields: ClassVar[Fields] = {
        "imageName": text(required=True),
        "build": block(BUILD),
        "registry": block({"server": text(), "username": text(), "password": text(sensitive=True)}),
        "skipPush": flag(),
        "buildOnPreview": flag(allowed="^False$"),
    }

    def check(self, name: str, inputs: Properties, old: Properties, log: Log) -> tuple[Properties, Problems]:
        refused = list(problems(self.fields, inputs))
        build = dict(inputs.get("build", {}))
        build.setdefault("context", ".")
        if build["context"] != UNKNOWN:
            build.setdefault("dockerfile", str(Path(build["context"]) / "Dockerfile"))
            if build["dockerfile"] != UNKNOWN:
                if not Path(build["dockerfile"]).is_file():
                    refused.append(("build.dockerfile", _no_dockerfile(build)))
                elif not Path(build["context"]).is_dir():
                    refused.append(("build.context", f"{build['context']} is not a folder"))
                else:
                    build["contextDigest"] = _context(build).digest()
        if "platform" not in build:
            build["platform"] = f"linux/{ARCHITECTURES.get(platform.machine(), platform.machine())}"
            log(f"building for {build['platform']}; name another one in build.platform")
        image = inputs.get("imageName", UNKNOWN)
        pushed_by_name = not inputs.get("skipPush") and not inputs.get("registry", {}).get("server")
        if image != UNKNOWN and pushed_by_name and not _registry(image):
            refused.append(("imageName", f"{image} names no registry to push to; write SERVER/NAME:TAG"))
        return {"buildOnPreview": False, **inputs, "build": build}, refused

    def diff(self, state: Properties, inputs: Properties) -> list[Change]:
        """Every changed input needs a new build, except the credentials, which may change often."""
        old = state.get(INPUTS, {})
        changed = []
        for name in sorted(old.keys() | inputs.keys()):
            before, after = old.get(name), inputs.get(name)
            if name == "registry" and before is not None and after is not None:
                before, after = before.get("server"), after.get("server")
            if before != after:
                verb = Verb.ADD if before is None else Verb.DELETE if after is None else Verb.UPDATE
                changed.append(Change(path=name, verb=verb, replaces=False))
        return changed

    def preview(self, inputs: Properties, state: Properties | None) -> Properties:
        return inputs

    def create(self, daemon: Daemon, inputs: Properties, log: Log) -> tuple[str, Properties]:
        return inputs["imageName"], _make(daemon, inputs, log)

    def read(self, daemon: Daemon, id: str, state: Properties) -> Properties | None:
        return {**state, INPUTS: secret(state[INPUTS])}  # not read from docker, as in the vendor's plugin

    def update(self, daemon: Daemon, id: str, state: Properties, inputs: Properties, log: Log) -> Properties:
        return _make(daemon, inputs, log)

    def delete(self, daemon: Daemon, id: str, state: Properties) -> None:
        return  # images stay, in the daemon and in the registry, as with the vendor's plugin


def _context(build: Properties) -> BuildContext:
    return BuildContext(folder=Path(build["context"]), dockerfile=Path(build["dockerfile"]))


def _no_dockerfile(build: Properties) -> str:
    reason = f"there is no file {build['dockerfile']}, seen from {Path.cwd()}"
    within = Path(build["context"]) / build["dockerfile"]
    return f"{reason}; did you mean {within}?" if within.is_file() else reason


def _registry(image: str) -> str:
    """The registry's address in an image's name; empty if there is none."""
    first, slash, _ = image.partition("/")
    return first if slash and re.search(r"[.:]|^localhost$", first) else ""


def _make(daemon: Daemon, inputs: Properties, log: Log) -> Properties:
    """Build, and push unless told not to; returns the outputs."""
    build, name, registry = inputs["build"], inputs["imageName"], inputs.get("registry", {})
    id = _build(daemon, build, name, log)
    return {
        "dockerfile": _context(build).dockerfile_name,
        "context": build["context"],
        "baseImageName": name,
        "registryServer": registry.get("server", ""),
        "imageName": name,
        "platform": build["platform"],
        "repoDigest": id if inputs.get("skipPush") else _push(daemon, name, registry, log),
        INPUTS: secret(inputs),
    }


def _build(daemon: Daemon, build: Properties, name: str, log: Log) -> str:
    archive, dockerfile = _context(build).archive()
    with archive:
        log("building")
        events = daemon.stream_api.build(
            fileobj=archive,
            custom_context=True,
            dockerfile=dockerfile,
            tag=name,
            buildargs=build.get("args"),
            target=build.get("target"),
            platform=build["platform"],
            rm=True,
            forcerm=True,
            decode=True,
        )
        id = _follow(events, f"build of {name}", log).get("ID")
    return str(id or daemon.api.inspect_image(name)["Id"])


def _push(daemon: Daemon, name: str, registry: Properties, log: Log) -> str:
    repository, tag = re.fullmatch(r"(.+?)(?::([^:/]+))?", name).groups()  # type: ignore[union-attr]
    login = {key: registry[key] for key in ("username", "password") if registry.get(key)}
    credentials = (
        {**login, "serveraddress": registry.get("server") or _registry(name)} if len(login) == 2 else None
    )
    log("pushing")
    events = daemon.stream_api.push(
        repository, tag or "latest", stream=True, decode=True, auth_config=credentials
    )
    digest = _follow(events, f"push of {name}", log).get("Digest")
    if not digest:
        raise BuildError(f"the push of {name} told no digest")
    return f"{repository}@{digest}"


def _follow(events: Iterable[dict[str, Any]], what: str, log: Log) -> dict[str, Any]:
    """Show docker's stream of events and return the data in it; raise BuildError if there is an error."""
    told: dict[str, Any] = {}
    lines: list[str] = []
    shown = time.monotonic()
    for event in events:
        told |= event.get("aux", {})
        if "error" in event:
            raise BuildError("\n".join([f"the {what} failed: {event['error'].strip()}", *lines[-LOG_LINES:]]))
        line = event.get("stream") or (event.get("status") if "progress" not in event else "") or ""
        if line := COLOURS.sub("", line).strip():
            lines.append(line)
            if line.startswith("Step ") or time.monotonic() - shown >= LOG_INTERVAL:
                log(line)
                shown = time.monotonic()
    return told
