"""The program under mocks that know nothing of it: they make up only ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import mocks

from infra.aws.roles import SESSIONS
from tests.unit.aws.cloud import Cloud, Declared, run_program


class Naive(Cloud):
    """Resources have an id and their inputs; look-ups find what was asked for, ``plausible``, or nothing."""

    plausible: dict[str, dict[str, Any]] | None = None

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.declared.append(Declared(kind=args.typ, name=args.name, inputs=args.inputs))
        return f"{args.name}_id", dict(args.inputs)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if self.plausible is None:
            return {}, []
        return {**args.args, **self.plausible.get(args.token.rpartition(":")[2], {})}, []


PLAUSIBLE = {
    "getVpc": {"id": "vpc-12345678"},
    "getSubnets": {"ids": ["subnet-11111111", "subnet-22222222"]},
    "getParameter": {"value": "ami-12345678"},
}


@pytest.mark.parametrize("plausible", [None, {}, PLAUSIBLE], ids=["nothing", "arguments", "plausible"])
@pytest.mark.parametrize("given", [False, True], ids=["default", "given"])
def test_the_program_declares_everything_with_mocks_that_answer_next_to_nothing(
    tmp_path: Path, cloud: Cloud, plausible: dict[str, dict[str, Any]] | None, given: bool
) -> None:
    naive = Naive()
    naive.plausible = plausible
    network = {"vpc_id": "vpc-0a1b", "subnet_ids": '["subnet-1", "subnet-2"]'} if given else {}
    run_program(naive, tmp_path, target="aws", admin_cidrs='["10.9.8.7/32"]', **network)
    assert {each.kind for each in naive.declared} == {each.kind for each in cloud.declared}
    services = {each.name for each in naive.all("docker:index/service:Service")}
    assert services == {each.name for each in cloud.all("docker:index/service:Service")}
    for resource in naive.declared:
        texts = json.dumps({key: value for key, value in resource.inputs.items() if "serData" not in key})
        assert "None" not in texts.replace("__provider", ""), resource.name


def test_values_that_are_not_known_yet_have_a_form_that_aws_accepts(tmp_path: Path) -> None:
    naive = Naive()
    run_program(naive, tmp_path, target="aws", admin_cidrs='["10.9.8.7/32"]')
    assert naive.one("aws:autoscaling/group:Group")["launchTemplate"]["version"] == "$Latest"
    assert naive.one("aws:ec2/instance:Instance")["ami"].startswith("resolve:ssm:/aws/service/ecs/")
    assert naive.one("aws:ec2/instance:Instance")["iamInstanceProfile"] == "manager_id"
    for statements in naive.policies().values():
        assert all(
            statement["Resource"].startswith("arn:aws:")
            for statement in statements
            if statement["Action"] != SESSIONS
        )
