"""The project's papers say what is there: keys, commands, options, links, paths, version."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from infra import settings
from runtime import cancel, clean, redrive, status, submit

ROOT = Path(__file__).parents[2]
PAPERS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
README = (ROOT / "README.md").read_text()
KEYS: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]

# Folders of the project that are in the repository; a path below one of them is no invention.
FOLDERS = ("infra", "services", "runtime", "images", "workflows", "toolchain", "tests", "docs")


def row(key: str) -> list[str]:
    """The cells of the key's line in the README's table of settings."""
    lines = [line for line in README.splitlines() if line.startswith(f"| `{key}` |")]
    assert len(lines) == 1, f"README.md has {len(lines)} lines for the key {key}"
    return [cell.strip() for cell in lines[0].strip("|").split(" | ")]


def prose(paper: str) -> str:
    """A paper without its blocks of code."""
    return re.sub(r"^```.*?^```", "", (ROOT / paper).read_text(), flags=re.MULTILINE | re.DOTALL)


def links(paper: str) -> Iterator[str]:
    return iter(re.findall(r"\]\(([^)\s]+)\)", prose(paper)))


def anchors(paper: str) -> set[str]:
    """Where a link may lead to within a paper, as the usual renderers name its headings."""
    headings = re.findall(r"^#+ (.+)$", prose(paper), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_in_the_readme_with_its_default_and_the_line_that_sets_it(key: str) -> None:
    _, default, meaning, line = row(key)
    declared = KEYS[key]["default"]
    assert default == f"`{declared}`" if declared else default.startswith("(")
    assert meaning
    assert line.startswith(f"`pulumi config set {key} ")


def test_each_key_that_settings_know_is_declared_with_a_default_and_no_other() -> None:
    assert set(KEYS) == set(settings.KEYS)


def test_no_key_of_the_readme_is_unknown() -> None:
    named = set(re.findall(r"pulumi config set ([a-z_]+) ", README))
    assert named <= set(KEYS)


@pytest.mark.parametrize("paper", PAPERS)
def test_each_make_target_that_a_paper_names_exists(paper: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / paper).read_text(), flags=re.MULTILINE))
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))


@pytest.mark.parametrize("paper", PAPERS)
def test_each_link_leads_somewhere(paper: str) -> None:
    for link in links(paper):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        assert (ROOT / file).exists(), link
        assert not anchor or anchor in anchors(file or paper), link


@pytest.mark.parametrize("paper", PAPERS)
def test_each_path_that_a_paper_names_exists(paper: str) -> None:
    for path in re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)", prose(paper)):
        assert (ROOT / path).exists(), path


def test_each_option_of_submit_is_in_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        submit.main(["--help"])
    options = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out)) - {"--help"}
    assert options
    assert {option for option in options if f"`{option}" not in README} == set()


@pytest.mark.parametrize("command", [submit, status, cancel, redrive, clean])
def test_each_command_is_in_the_readme_and_tells_examples_and_exit_codes(
    command: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    text = capsys.readouterr().out
    name = f"python -m {command.__name__}"
    assert name in README
    assert text.count(name) > 2
    assert "exit codes: 0 done" in text
    assert {"--json", "--timeout"} <= set(re.findall(r"--[a-z-]+", text))


def test_the_changelog_begins_with_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert newest and newest[1] == version


def test_the_license_is_the_one_that_the_package_names() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text().splitlines()[1]


def test_the_tracked_settings_of_stacks_hold_no_salt() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "Pulumi.*.yaml"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    committed = [
        subprocess.run(["git", "show", f"HEAD:{name}"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in tracked
    ]
    assert "Pulumi.dev.yaml" in tracked
    assert not any("encryptionsalt" in content.stdout for content in committed)
