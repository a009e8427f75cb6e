"""Contract of docker:index/image:Image."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.conftest import Make
from tests.contract.node import Node
from tests.contract.plugin import SECRET, SIGNATURE, UNKNOWN, Plugin, PluginError, Properties, secret

TOKEN = "docker:index/image:Image"
DIGEST = "16e62b367f366ae502c15050d0155dc813c843cc3ef5ba76d0d0a2bfa793ce5d"  # of the fixture below
DOCKERFILE = """\
ARG BASE
FROM ${BASE} AS first
ARG WORD=none
COPY kept /kept
RUN echo "the word is ${WORD}" >/word && cat /word
FROM first AS second
CMD ["cat", "/word"]
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "kept" / "below").mkdir(parents=True)
    (folder / "kept" / "file").write_text("content\n")
    (folder / "kept" / "below" / "file").write_text("more\n")
    (folder / "dropped").mkdir()
    (folder / "dropped" / "file").write_text("other\n")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "Dockerfile.dockerignore").write_text("# all but\n*\n!kept\n")
    for path in (path for path in folder.rglob("*") if path.is_file()):
        path.chmod(0o644)
    return folder


@pytest.fixture
def inputs(node: Node, base: str, unique: str, context: Path) -> Properties:
    return {
        "imageName": f"{node.registry}/{unique}:v1",
        "build": {
            "context": str(context),
            "dockerfile": str(context / "Dockerfile"),
            "platform": "linux/amd64",
            "args": {"BASE": base, "WORD": "hello"},
        },
        "registry": {"server": node.registry, "username": "user", "password": secret("hidden")},
    }


def digest(plugin: Plugin, context: Path, dockerfile: Path | None = None) -> str:
    build = {"context": str(context), "dockerfile": str(dockerfile or context / "Dockerfile")}
    checked, failures = plugin.check(
        plugin.urn(TOKEN, "it"), {"imageName": "some.registry/name:v1", "build": build}
    )
    assert not failures
    return str(checked["build"]["contextDigest"])


def test_an_image_is_built_pushed_and_told_by_its_digest(
    swarm: Plugin, node: Node, make: Make, inputs: Properties
) -> None:
    image = make(swarm, TOKEN, inputs)
    assert image.id == inputs["imageName"]
    repository, _, pushed = image.outputs["repoDigest"].partition("@sha256:")
    assert f"{repository}:v1" == inputs["imageName"]
    assert len(pushed) == 64
    assert image.outputs["baseImageName"] == image.outputs["imageName"] == inputs["imageName"]
    assert image.outputs["registryServer"] == node.registry
    assert image.outputs["dockerfile"] == "Dockerfile"
    assert image.outputs["context"] == inputs["build"]["context"]
    assert image.outputs["platform"] == "linux/amd64"
    node.docker("pull", "-q", image.outputs["repoDigest"])
    assert node.docker("run", "--rm", image.outputs["repoDigest"]) == "the word is hello"


def test_the_build_shows_what_it_does(swarm: Plugin, make: Make, inputs: Properties) -> None:
    swarm.engine.messages.clear()
    inputs["build"]["args"]["WORD"] = inputs["imageName"]  # nothing of it is in a cache
    make(swarm, TOKEN, inputs)
    assert any("RUN " in message for message in swarm.engine.messages)


def test_the_password_is_kept_secret(swarm: Plugin, make: Make, inputs: Properties) -> None:
    image = make(swarm, TOKEN, inputs)
    assert image.state["__inputs"][SIGNATURE] == SECRET
    refreshed = swarm.read(image)
    assert refreshed is not None
    assert "hidden" not in str({**refreshed.state, "__inputs": ""})
    assert refreshed.state["__inputs"][SIGNATURE] == SECRET


def test_an_image_does_not_change_by_itself(swarm: Plugin, make: Make, inputs: Properties) -> None:
    image = make(swarm, TOKEN, inputs)
    assert not swarm.diff(image, inputs).changes
    refreshed = swarm.read(image)
    assert refreshed is not None
    assert not swarm.diff(refreshed, inputs).changes


def test_only_what_belongs_to_the_context_changes_the_image(
    swarm: Plugin, make: Make, inputs: Properties, context: Path
) -> None:
    image = make(swarm, TOKEN, inputs)
    (context / "dropped" / "file").write_text("changed\n")
    assert not swarm.diff(image, inputs).changes
    (context / "kept" / "file").write_text("changed\n")
    diff = swarm.diff(image, inputs)
    assert diff.detailed == {"build": "UPDATE"}
    assert not diff.replaces
    updated = swarm.update(image, inputs)
    assert updated.outputs["repoDigest"] != image.outputs["repoDigest"]
    assert not swarm.diff(updated, inputs).changes


def test_other_arguments_build_anew_and_other_credentials_do_not(
    swarm: Plugin, make: Make, inputs: Properties
) -> None:
    image = make(swarm, TOKEN, inputs)
    registry = {**inputs["registry"], "username": "other", "password": "changed"}
    assert not swarm.diff(image, {**inputs, "registry": registry}).changes
    assert swarm.diff(image, {**inputs, "registry": {**registry, "server": "other:5000"}}).changes
    build = {**inputs["build"], "args": {"WORD": "other"}}
    assert swarm.diff(image, {**inputs, "build": build}).detailed == {"build": "UPDATE"}
    assert swarm.diff(image, {**inputs, "imageName": "other.registry/name"}).detailed == {
        "imageName": "UPDATE"
    }


def test_an_image_that_is_not_pushed_is_told_by_its_id(
    swarm: Plugin, node: Node, make: Make, inputs: Properties
) -> None:
    del inputs["registry"]
    image = make(swarm, TOKEN, {**inputs, "imageName": "contract-local", "skipPush": True})
    assert image.outputs["repoDigest"] == node.docker("image", "inspect", "-f", "{{.Id}}", "contract-local")
    assert image.outputs["registryServer"] == ""


def test_a_target_stops_the_build_there(swarm: Plugin, node: Node, make: Make, inputs: Properties) -> None:
    del inputs["registry"]
    inputs["build"]["target"] = "first"
    make(swarm, TOKEN, {**inputs, "imageName": "contract-first", "skipPush": True})
    assert "cat" not in node.docker("image", "inspect", "-f", "{{.Config.Cmd}}", "contract-first")


def test_a_failed_build_is_told_with_the_end_of_its_log(
    swarm: Plugin, make: Make, inputs: Properties, context: Path, is_substitute: bool
) -> None:
    (context / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo the reason; exit 3\n")
    with pytest.raises(PluginError, match="echo the reason; exit 3") as failed:
        make(swarm, TOKEN, inputs)
    if is_substitute:
        assert "\nthe reason\n" in str(failed.value)


def test_a_dockerfile_may_stand_outside_of_the_context(
    swarm: Plugin, node: Node, make: Make, inputs: Properties, context: Path
) -> None:
    outside = context.parent / "Outside"
    outside.write_text(DOCKERFILE)
    inputs["build"]["dockerfile"] = str(outside)
    image = make(swarm, TOKEN, inputs)
    assert image.outputs["dockerfile"] == "../Outside"
    assert node.docker("run", "--rm", image.outputs["repoDigest"]) == "the word is hello"


def test_a_preview_builds_nothing(local: Plugin, context: Path) -> None:
    build = {"context": str(context), "dockerfile": str(context / "Dockerfile"), "args": {"BASE": UNKNOWN}}
    preview = local.preview(
        TOKEN, "it", {"imageName": UNKNOWN, "build": build, "registry": {"server": UNKNOWN}}
    )
    assert "repoDigest" not in preview
    assert preview["imageName"] == UNKNOWN


def test_a_name_without_a_registry_is_refused(local: Plugin, context: Path) -> None:
    build = {"context": str(context), "dockerfile": str(context / "Dockerfile")}
    try:
        _, failures = local.check(local.urn(TOKEN, "it"), {"imageName": "name", "build": build})
    except PluginError as error:
        failures = [str(error)]
    assert "name" in failures[0]


def test_a_dockerfile_that_is_not_there_is_refused(local: Plugin, context: Path) -> None:
    build = {"context": str(context), "dockerfile": str(context / "Missing")}
    try:
        _, failures = local.check(local.urn(TOKEN, "it"), {"imageName": "some.registry/name", "build": build})
    except PluginError as error:
        failures = [str(error)]
    assert "Missing" in failures[0]


def test_the_digest_of_a_context_is_the_same_everywhere(local: Plugin, context: Path) -> None:
    assert digest(local, context) == DIGEST


def test_the_mode_and_the_name_of_a_file_count(local: Plugin, context: Path) -> None:
    before = digest(local, context)
    (context / "kept" / "file").chmod(0o755)
    executable = digest(local, context)
    (context / "kept" / "file").rename(context / "kept" / "renamed")
    assert len({before, executable, digest(local, context)}) == 3


def test_where_a_link_leads_counts(local: Plugin, context: Path) -> None:
    link = context / "kept" / "link"
    link.symlink_to("file")
    before = digest(local, context)
    link.unlink()
    link.symlink_to("below/file")
    assert digest(local, context) != before


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ("kept", "dropped/file"),
        ("/kept", "dropped/file"),
        ("kept/", "dropped/file"),
        ("*\n!kept", "kept/below/file kept/file"),
        ("*\n!kept\n**/below", "kept/file"),
        ("**/file\n!kept/file", "kept/file"),
        ("kept/be?ow\ndropped", "kept/file"),
        ("kept/[a-c]*\ndropped", "kept/file"),
        ("*/file", "kept/below/file"),
        ("!dropped\ndropped", "kept/below/file kept/file"),
        ("dropped\n!dropped/file", "dropped/file kept/below/file kept/file"),
        ("dropped/../kept", "dropped/file"),
        ("# dropped\n\n  kept  ", "dropped/file"),
        ("**", ""),
    ],
)
def test_ignored_files_do_not_count(
    local: Plugin, context: Path, tmp_path: Path, patterns: str, left: str
) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\n")
    for name in ("Dockerfile", "Dockerfile.dockerignore"):
        (context / name).unlink()
    (context / ".dockerignore").write_text(patterns + "\n.dockerignore\n")
    ignoring = digest(local, context, dockerfile)
    (context / ".dockerignore").unlink()
    for path in [path for path in context.rglob("*") if path.is_file()]:
        if str(path.relative_to(context)) not in left.split():
            path.unlink()
    assert digest(local, context, dockerfile) == ignoring
