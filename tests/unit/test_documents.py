"""The project's pages say what is there: keys, commands, links, paths, version."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from infra import settings
from runtime import cancel, clean, fetch, preflight, reconcile, redrive, status, submit

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder, pattern in ((ROOT, "*.md"), (ROOT / "docs", "**/*.md"), (ROOT / "bench", "*.md"))
    for path in folder.glob(pattern)
)
README_LINES = 150
# What is in the wheel, and in no folder of this one.
OTHERS_MODULES = ("rabbitmq_producer",)

# Folders of the project that are in the repository; a path below one of them is no invention.
FOLDERS = (
    *("infra", "services", "runtime", "images", "workflows", "toolchain"),
    *("testing", "tests", "tools", "docs", "bench"),
)


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if not link.startswith("https://")]


def anchors(page: Path) -> set[str]:
    """Where a link may lead to within a page, as the usual renderers name its headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_key_that_settings_know_is_declared_with_a_default_and_no_other() -> None:
    keys: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert set(keys) == set(settings.KEYS)
    assert all("default" in stated for stated in keys.values())


@pytest.mark.parametrize("page", PAGES)
def test_each_key_that_a_page_sets_exists(page: str) -> None:
    named = set(re.findall(r"pulumi config (?:set|rm) ([a-z_]+)\b(?!:)", (ROOT / page).read_text()))
    assert named <= set(settings.KEYS)


@pytest.mark.parametrize("page", PAGES)
def test_each_module_that_a_page_runs_exists(page: str) -> None:
    named = set(re.findall(r"python -m ([a-z_.]+[a-z])", (ROOT / page).read_text()))
    assert [name for name in named if name not in OTHERS_MODULES and find_spec(name) is None] == []


@pytest.mark.parametrize("page", PAGES)
def test_each_make_target_that_a_page_names_exists(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / page).read_text(), flags=re.MULTILINE))
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_each_link_leads_somewhere(page: str) -> None:
    for link in links(ROOT / page):
        file, _, anchor = link.partition("#")
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_links_lead_from_the_readme_to_each_page() -> None:
    reached: set[Path] = set()
    waiting = {ROOT / "README.md"}
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in links(page)}
        waiting |= {target for target in targets if target.suffix == ".md"} - reached
    assert {ROOT / page for page in PAGES} - reached == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


@pytest.mark.parametrize("page", PAGES)
def test_each_path_that_a_page_names_exists(page: str) -> None:
    for path in re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)", prose(ROOT / page)):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("command", [submit, status, fetch, cancel, redrive, clean, reconcile, preflight])
def test_each_command_tells_examples_and_exit_codes(
    command: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.COMMAND.main(["--help"])
    text = capsys.readouterr().out
    name = f"python -m {command.__name__}"
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
