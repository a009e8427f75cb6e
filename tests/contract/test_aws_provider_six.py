"""What the program gives pulumi-aws, held against version 6 of HashiCorp's provider, which that is made of.

The engine's tests cannot do this: their provider is an older one. Names and types are those of the provider
itself, as the bridge hands them over. What is deprecated is said by pulumi-aws alone.
"""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from tests.contract import aws_provider_six as provider_six
from tests.contract.aws_provider_six import Argument, Kind
from tests.unit import project
from tests.unit.aws.cloud import Cloud, run_program

VARIANTS: dict[str, dict[str, str]] = {
    "default": {},
    "given": {"vpc_id": "vpc-0a1b", "subnet_ids": '["subnet-0a"]', "efs_id": "fs-0a1b", "ami": "ami-0a1b"},
    "spot": {
        "worker_spot": "true",
        "protect": "false",
        "permissions_boundary": "arn:aws:iam::123456789012:policy/boundary",
    },
}


@contextmanager
def deprecations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What pulumi-aws says is deprecated: resources and arguments by Pulumi's log, answers by warnings."""
    found: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_, **__: found.append(message))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    # A module of a deprecated resource says so when it is loaded, whoever loads all of them.
    used = [
        str(each.message) for each in caught if "has been deprecated in favor of" not in str(each.message)
    ]
    found[:] = [message for message in [*found, *used] if "deprecated" in message]


@pytest.fixture(scope="module", params=list(VARIANTS.values()), ids=list(VARIANTS))
def ran(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Cloud, list[str]]]:
    """A cloud in which the program ran, beside a manager of an earlier run; what was deprecated."""
    answers: dict[str, dict[str, Any]] = {
        "aws:ec2/getSubnet:getSubnet": {"vpcId": "vpc-0a1b", "availabilityZone": "us-west-2a"},
        "aws:ec2/getAmi:getAmi": {"architecture": "x86_64"},
        "aws:ec2/getInstances:getInstances": {"ids": ["i-1"]},
        "aws:ec2/getInstance:getInstance": {"instanceType": "m5.xlarge", "availabilityZone": "us-west-2a"},
    }
    cloud, folder = Cloud(answers=answers), tmp_path_factory.mktemp("program")
    with pytest.MonkeyPatch.context() as patch, deprecations(patch) as found:
        run_program(cloud, folder, target="aws", admin_cidrs='["10.9.8.7/32"]', **request.param)
    yield cloud, found


@pytest.fixture(scope="module")
def names() -> Mapping[str, str]:
    """Terraform's name of what the program calls by a token, as the bridge maps them."""
    bridge = (project.ROOT / "tests/e2e/aws/bridge/main.go").read_text()
    mapped = re.findall(r'"(aws_\w+)":\s*\{"(\w+)", "(\w+)"\}', bridge)
    return {f"aws:{module}/{name[0].lower()}{name[1:]}:{name}": theirs for theirs, module, name in mapped}


def called(name: str, argument: Argument) -> str:
    """What the bridge calls an argument: in camel case, a list in the plural."""
    first, *others = name.split("_")
    camel = first + "".join(map(str.title, others))
    if argument.shape != "list" or camel.endswith("s"):
        return camel
    return f"{camel[:-1]}ies" if camel.endswith("y") else f"{camel}s"


def problems(kind: Kind, given: Mapping[str, Any]) -> list[str]:
    """What the provider would not take among the arguments of a resource or data source."""
    found = list(_of_block(kind.arguments, given))
    read_only = {called(name, Argument(required=False, shape="one", of="string")) for name in kind.read_only}
    return [
        f"{problem}; it is read-only" if problem.partition(":")[0] in read_only else problem
        for problem in found
    ]


def _of_block(arguments: Mapping[str, Argument], given: Mapping[str, Any], at: str = "") -> Iterator[str]:
    known = {called(name, argument): argument for name, argument in arguments.items()}
    for name, value in given.items():
        if argument := known.get(name):
            yield from _of_value(argument, value, f"{at}{name}")
        else:
            like = difflib.get_close_matches(name, known, n=1)
            yield f"{at}{name}: there is no such argument" + (f", but {like[0]}" if like else "")
    for name, argument in known.items():
        # The bridge makes up names that are not given.
        if argument.required and given.get(name) is None and name != "name":
            yield f"{at}{name}: it must be given"


def _of_value(argument: Argument, value: Any, at: str) -> Iterator[str]:
    if argument.shape == "one":
        yield from _of_one(argument.of, value, at)
    elif isinstance(value, list if argument.shape == "list" else dict):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _of_one(argument.of, each, f"{at}[{key}]")
    else:
        yield f"{at}: {value!r} is no {argument.shape}"


def _of_one(of: provider_six.Scalar | Mapping[str, Argument], value: Any, at: str) -> Iterator[str]:
    if isinstance(of, str):
        types: dict[str, tuple[type, ...]] = {"string": (str,), "number": (int, float), "bool": (bool,)}
        if not isinstance(value, types[of]) or isinstance(value, bool) != (of == "bool"):
            yield f"{at}: {value!r} is no {of}"
    elif isinstance(value, dict):
        yield from _of_block(of, value, f"{at}.")
    else:
        yield f"{at}: {value!r} is no block"


def test_provider_6_has_all_that_is_declared_and_takes_every_argument(
    ran: tuple[Cloud, list[str]], names: Mapping[str, str]
) -> None:
    cloud, _ = ran
    declared = [each for each in cloud.declared if each.kind.startswith("aws:")]
    assert len({each.kind for each in declared}) > 12
    found = {
        f"{names[each.kind]} {each.name}": problems(provider_six.resource(names[each.kind]), each.inputs)
        for each in declared
    }
    assert {name: each for name, each in found.items() if each} == {}


def test_provider_6_has_all_that_is_looked_up_and_takes_every_argument(
    ran: tuple[Cloud, list[str]], names: Mapping[str, str]
) -> None:
    cloud, _ = ran
    asked = [(names[token], given) for token, given in cloud.asked if token.startswith("aws:")]
    assert len({name for name, _ in asked}) > 5
    found = [(name, problems(provider_six.data_source(name), given)) for name, given in asked]
    assert [each for each in found if each[1]] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"networkInterface": {"networkInterfaceId": "eni-1"}},
            "networkInterface: there is no such argument, but networkInterfaces",
        ),
        ({"arn": "arn:aws:ec2"}, "arn: there is no such argument; it is read-only"),
        ({"ebsOptimized": "yes"}, "ebsOptimized: 'yes' is no bool"),
        ({"tags": [{"key": "Name"}]}, "tags: [{'key': 'Name'}] is no map"),
        ({"vpcSecurityGroupIds": ["sg-1", 2]}, "vpcSecurityGroupIds[1]: 2 is no string"),
        ({"rootBlockDevice": [{"volumeSize": 100}]}, "rootBlockDevice: [{'volumeSize': 100}] is no block"),
        (
            {"metadataOptions": {"httpTokn": "required"}},
            "metadataOptions.httpTokn: there is no such argument, but httpTokens",
        ),
        ({"primaryNetworkInterface": {}}, "primaryNetworkInterface.networkInterfaceId: it must be given"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_provider_6_does_not_take_would_be_seen(change: dict[str, Any], said: str) -> None:
    given = {"ami": "ami-1", "instanceType": "m6i.xlarge"}
    instance = provider_six.resource("aws_instance")
    assert problems(instance, given) == []
    assert problems(instance, given | change) == [said]


def test_a_resource_or_data_source_that_provider_6_has_not_would_be_seen() -> None:
    with pytest.raises(LookupError, match="no aws_opsworks_stack among its resources"):
        provider_six.resource("aws_opsworks_stack")


def test_no_argument_or_answer_that_the_provider_deprecates_is_used(ran: tuple[Cloud, list[str]]) -> None:
    assert ran[1] == []


def test_deprecated_arguments_and_answers_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with deprecations(monkeypatch) as found:
        interface = aws.ec2.InstanceNetworkInterfaceArgs(device_index=0, network_interface_id="eni-1")
        aws.ec2.InstanceArgs(network_interfaces=[interface])
        result: Any = aws.GetRegionResult
        assert result(description="", endpoint="", id="", name="x", region="x").name == "x"
    assert any("primary_network_interface" in message for message in found)
    assert any("name is deprecated" in message for message in found)
