"""The two Go programs that are built from source: what they have in common is compiled once."""

import re
from pathlib import Path

from toolchain import pulumi_cli
from toolchain.paths import REPOSITORY

REQUIREMENT = re.compile(r"^(?:require)?\s*(\S+\.\S+/\S+|\S+\.\S+) (v\S+)", re.MULTILINE)
# Of a package at the end of each program, which fits only this version of the module.
APART = {"github.com/olekukonko/tablewriter"}


def required(module: Path) -> dict[str, str]:
    """Versions by module, of a go.mod."""
    return dict(REQUIREMENT.findall((module / "go.mod").read_text()))


def test_the_cli_and_the_aws_plugin_are_built_from_the_same_versions() -> None:
    cli = required(Path(pulumi_cli.__file__).parent)
    plugin = required(REPOSITORY / "tests" / "e2e" / "aws" / "bridge")
    common = cli.keys() & plugin.keys() - APART
    assert len(common) > 100
    assert {module for module in common if cli[module] != plugin[module]} == set()
