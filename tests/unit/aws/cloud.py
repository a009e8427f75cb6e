"""The whole program run under mocks: what it declares on a target, recorded instead of created."""

from __future__ import annotations

import asyncio
import json
import re
import runpy
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks
from pulumi.runtime.config import set_all_config

from tests.unit import project
from tests.unit.runtime.policy.flow import Flow

OUTPUTS: dict[str, dict[str, Any]] = {
    "aws:ec2/networkInterface:NetworkInterface": {"privateIp": "172.31.0.10"},
    "aws:ec2/eip:Eip": {"publicIp": "203.0.113.99"},
    "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
    "docker:index/image:Image": {"repoDigest": "image@sha256:0"},
}
DYNAMIC_OUTPUTS = {
    "public_key": "ssh-ed25519 AAAA",
    "value": "password",
    "image": "base",
    "path": "/copy",
    "reference": "copied",
}


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One resource: what kind it is, what it is called in the program, and what it was given."""

    kind: str
    name: str
    inputs: dict[str, Any]


@dataclass(kw_only=True)
class Cloud(mocks.Mocks):
    """An account with a default VPC of two subnets; ``answers`` replaces what look-ups say.

    ``asked`` are the look-ups: their tokens and arguments.
    """

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    declared: list[Declared] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.declared.append(Declared(kind=args.typ, name=args.name, inputs=args.inputs))
        if args.typ.startswith("pulumi-python:"):
            return f"{args.name}-id", {**args.inputs, **DYNAMIC_OUTPUTS}
        own = {"arn": f"arn:aws:test:::{args.name}", "name": args.name, "keyName": args.name}
        return f"{args.name}-id", {**own, **OUTPUTS.get(args.typ, {}), **args.inputs}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        self.asked.append((args.token, args.args))
        answers: dict[str, dict[str, Any]] = {
            "aws:ec2/getVpc:getVpc": {"id": "vpc-1"},
            "aws:ec2/getSubnets:getSubnets": {"ids": ["subnet-b", "subnet-a"]},
            "aws:ec2/getSubnet:getSubnet": {
                "availabilityZone": f"us-west-2{args.args.get('id', '')[-1:]}",
                "cidrBlock": "172.31.0.0/20",
                "mapPublicIpOnLaunch": True,
                "vpcId": "vpc-1",
            },
            "aws:ec2/getInstanceType:getInstanceType": {
                "memorySize": 16384,
                "supportedArchitectures": [
                    "arm64" if "g." in args.args.get("instanceType", "") else "x86_64"
                ],
            },
            "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": {
                "locations": ["us-west-2a", "us-west-2b"]
            },
            "aws:ec2/getInstances:getInstances": {"ids": []},
            "aws:ec2/getNetworkInterfaces:getNetworkInterfaces": {"ids": ["eni-a", "eni-b"]},
            "aws:ec2/getNetworkInterface:getNetworkInterface": {
                "availabilityZone": f"us-west-2{args.args.get('id', '')[-1:]}",
                "securityGroups": ["sg-given"],
            },
            "aws:ssm/getParameter:getParameter": {"value": f"ami for {args.args.get('name')}"},
            "aws:index/getPartition:getPartition": {"partition": "aws"},
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": "123456789012"},
            "aws:efs/getFileSystem:getFileSystem": {"fileSystemId": args.args.get("fileSystemId")},
        }
        return {**answers, **self.answers}[args.token], []

    def all(self, kind: str) -> list[Declared]:
        return [resource for resource in self.declared if resource.kind == kind]

    def one(self, kind: str, name: str | None = None) -> dict[str, Any]:
        (found,) = [resource for resource in self.all(kind) if name in (None, resource.name)]
        return found.inputs

    def policies(self) -> dict[str, list[dict[str, Any]]]:
        """Statements by name of the role policy."""
        return {
            policy.name: json.loads(policy.inputs["policy"])["Statement"]
            for policy in self.all("aws:iam/rolePolicy:RolePolicy")
        }


def workflow_folder(folder: Path, *events: str) -> Path:
    flow = Flow(folder.parent, folder.name)
    listed = "".join(
        f'<event name="{event}"><workflow id="w"/></event>' for event in events or ["test-workflow"]
    )
    flow.write("policy/events.xml", f"<events>{listed}</events>")
    # Of two workflows in a cluster each has ids of its own, and types.
    for file in (*(folder / "policy").iterdir(), folder / "pge-configs" / "list.xml"):
        text = re.sub(r'\bid="(\w+)"', rf'id="\1-{folder.name}"', file.read_text())
        file.write_text(text.replace('"Product"', f'"Product-{folder.name}"'))
    return folder


def defaults(folder: Path) -> dict[str, str]:
    """The defaults of Pulumi.yaml, with a workflow in ``folder``."""
    return project.defaults() | {"workflow_dir": str(workflow_folder(folder / "flow"))}


def run_program(cloud: Cloud, folder: Path, **changes: str) -> None:
    """Run __main__.py with the defaults of Pulumi.yaml and these changes of the configuration.

    In a context of its own, where Pulumi keeps what it knows: the tests that come next find none of it.
    """
    copy_context().run(_run_program, cloud, folder, changes)


def _run_program(cloud: Cloud, folder: Path, changes: dict[str, str]) -> None:
    config = {f"oodt:{key}": text for key, text in (defaults(folder) | changes).items()}
    set_all_config(
        config | {"aws:region": "us-west-2"},
        [key for key in config if "secret" in key or key == "oodt:alarm_webhook"],
    )
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # Pulumi wants one, and asyncio.run leaves none behind
    try:
        mocks.set_mocks(cloud, project="oodt", stack="test", preview=False)
        pulumi.runtime.test(lambda: runpy.run_path(str(project.ROOT / "__main__.py")) and None)()
    finally:
        asyncio.set_event_loop(None)
        loop.close()  # what Pulumi remembers of the program would keep its files open
