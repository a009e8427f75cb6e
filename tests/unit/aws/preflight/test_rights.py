"""Accounts in which somebody lacks a right: the deployer, the nodes, or AWS's own services."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, UnauthorizedSSOTokenError
from moto.core import enable_iam_authentication

from infra.aws import access
from infra.aws.preflight.calls import Calls
from infra.aws.preflight.part_rights import LANES, RightsPart
from infra.aws.preflight.rules.rights import BY_NODES
from infra.aws.roles import SESSIONS
from tests.unit.aws.cloud import Cloud
from tests.unit.aws.preflight.accounts import ALLOW, REGION, Account, said
from tests.unit.aws.test_aws_settings import aws_settings

BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
LINK = "iam:CreateServiceLinkedRole"


def simulated(action: str, **details: Any) -> dict[str, Any]:
    result = {"EvalActionName": action, "EvalDecision": "implicitDeny", **details}
    return {"simulate_principal_policy": {"EvaluationResults": [result]}}


def deployer(account: Account, *denied: str) -> boto3.Session:
    """A user who may do everything but this."""
    iam = account.client("iam")
    iam.create_user(UserName="deployer")
    forbidden = {"Effect": "Deny", "Action": list(denied), "Resource": "*"}
    document = {**ALLOW, "Statement": [*ALLOW["Statement"], forbidden]}
    iam.put_user_policy(UserName="deployer", PolicyName="most", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)


def test_a_call_that_aws_would_refuse_is_told_and_nothing_is_made(account: Account) -> None:
    session = deployer(account, "ec2:RunInstances")
    with enable_iam_authentication():
        found = account.findings(session=session)
    (refused,) = [each for each in found if each.severity == "error"]
    assert (refused.key, refused.value) == ("rights", "ec2:RunInstances")
    assert "not authorized to perform: ec2:RunInstances" in refused.problem
    assert "oodt preflight aws --policy" in refused.fix
    ec2 = account.client("ec2")
    assert ec2.describe_instances()["Reservations"] == []
    assert len(ec2.describe_security_groups()["SecurityGroups"]) == 1


class Ec2:
    """What EC2 is asked, beside moto; ``refusal`` is its answer to a launch that is tried out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refusal: ClientError | None = None) -> None:
        self.asked: dict[str, dict[str, Any]] = {}
        call = BaseClient._make_api_call  # type: ignore[attr-defined]

        def answer(client: BaseClient, operation: str, given: dict[str, Any]) -> Any:
            self.asked[operation] = given
            if operation == "RunInstances" and refusal:
                raise refusal
            return call(client, operation, given)

        monkeypatch.setattr(BaseClient, "_make_api_call", answer)


@pytest.mark.parametrize(
    ("code", "status", "severity"),
    [
        ("InvalidParameterCombination", 400, "error"),
        ("VcpuLimitExceeded", 400, "warning"),
        ("InvalidGroup.NotFound", 400, "warning"),
        ("Throttling", 400, "not checked"),
        ("RequestLimitExceeded", 503, "not checked"),
        ("InternalError", 500, "not checked"),
    ],
)
def test_any_other_answer_to_a_trial_is_told_in_the_words_of_aws(
    account: Account, monkeypatch: pytest.MonkeyPatch, code: str, status: int, severity: str
) -> None:
    said = "The specified instance type is not eligible for Free Tier"
    answer: Any = {
        "Error": {"Code": code, "Message": said},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    Ec2(monkeypatch, ClientError(answer, "RunInstances"))
    (found,) = account.findings()
    assert found.severity == severity
    assert f"{code}, {said}" in found.problem


def test_the_managers_launch_is_tried_out_where_the_manager_will_be_and_as_the_provider_asks_for_it(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    ec2, subnets = Ec2(monkeypatch), sorted(account.subnets().values(), reverse=True)[:2]
    assert account.findings(vpc_id=account.default_vpc, subnet_ids=json.dumps(subnets)) == ()
    tried = ec2.asked["RunInstances"]
    assert (tried["SubnetId"], tried["DryRun"]) == (subnets[0], True)
    # The provider tags the disk once it is there: who demands tags on new disks refuses `pulumi up`.
    assert [each["ResourceType"] for each in tried["TagSpecifications"]] == ["instance"]


@pytest.mark.parametrize(
    ("details", "severity", "why"),
    [
        ({}, "warning", "nothing allows it"),
        ({"EvalDecision": "explicitDeny"}, "error", "a policy denies it"),
        (
            {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}},
            "warning",
            "a policy of the organization forbids it; that policy's conditions",
        ),
        ({"EvalDecision": "explicitDeny", "MissingContextValues": ["x"]}, "warning", "nothing allows it"),
    ],
    ids=["nothing", "denied", "organization", "perhaps denied"],
)
def test_what_the_deployers_policies_do_not_allow_is_told(
    account: Account, details: dict[str, Any], severity: str, why: str
) -> None:
    answers = {**caller("arn:aws:iam::123456789012:user/deployer"), **simulated("iam:CreateRole", **details)}
    (found,) = account.findings(answers=answers)
    assert (found.severity, found.key, found.value) == (severity, "rights", "iam:CreateRole")
    assert why in found.problem


def test_the_policies_of_a_role_count_for_its_sessions_and_root_has_none(account: Account) -> None:
    role = account.client("iam").create_role(
        RoleName="Deployer", Path="/own/", AssumeRolePolicyDocument=json.dumps(ALLOW)
    )["Role"]
    assert role["Path"] == "/own/"
    denied = simulated("iam:CreateRole")
    session = caller("arn:aws:sts::123456789012:assumed-role/Deployer/me")
    assert said(account.findings(answers={**session, **denied})).startswith("warning: rights is iam:Create")
    root = caller("arn:aws:iam::123456789012:root")
    assert account.findings(answers={**root, **denied}) == ()
    other = caller("arn:aws:sts::123456789012:federated-user/me")
    (found,) = account.findings(answers={**other, **denied})
    assert (found.severity, found.key) == ("not checked", "rights that come later")


class Simulator(Calls):
    """IAM's simulator alone: it takes its time, allows everything, and knows what it was asked at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self._lock, self._now, self.most = threading.Lock(), 0, 0

    def ask(self, service: str, action: str, missing: tuple[str, ...] = (), **given: Any) -> Any:
        if action == "get_caller_identity":
            return {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/deployer"}
        with self._lock:
            self.asked.append((*given["ActionNames"], *given["ResourceArns"]))
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.1)
        with self._lock:
            self._now -= 1
        return {"EvaluationResults": []}


def test_the_simulator_is_asked_a_few_things_at_once_and_nothing_twice(tmp_path: Path) -> None:
    simulator = Simulator()
    assert RightsPart(settings=aws_settings(tmp_path), calls=simulator).denied() == ()
    assert 1 < simulator.most <= LANES
    assert len(set(simulator.asked)) == len(simulator.asked) >= 9


def caller(arn: str) -> dict[str, Any]:
    return {"get_caller_identity": {"Account": "123456789012", "Arn": arn}}


def test_a_service_role_that_is_missing_and_may_not_be_made_is_told(account: Account) -> None:
    answers = caller("arn:aws:iam::123456789012:user/deployer")
    account.client("iam").delete_role(RoleName="AWSServiceRoleForelasticfilesystem")
    assert account.findings(answers=answers) == ()  # AWS makes it
    (found,) = account.findings(answers={**answers, **simulated(LINK)})
    assert (found.severity, found.value) == ("error", "elasticfilesystem.amazonaws.com")
    assert "aws iam create-service-linked-role --aws-service-name elasticfilesystem" in found.fix


def test_a_service_role_that_only_the_organization_keeps_from_being_made_is_a_warning(
    account: Account,
) -> None:
    account.client("iam").delete_role(RoleName="AWSServiceRoleForelasticfilesystem")
    denied = simulated(LINK, OrganizationsDecisionDetail={"AllowedByOrganizations": False})
    (found,) = account.findings(answers={**caller("arn:aws:iam::123456789012:user/deployer"), **denied})
    assert (found.severity, found.value) == ("warning", "elasticfilesystem.amazonaws.com")


def test_the_role_of_the_spot_market_is_needed_for_spot_workers_only(account: Account) -> None:
    account.client("iam").delete_role(RoleName="AWSServiceRoleForspot")
    answers = {**caller("arn:aws:iam::123456789012:user/deployer"), **simulated(LINK)}
    assert account.findings(answers=answers) == ()
    (found,) = account.findings(answers=answers, worker_spot="true")
    assert found.value == "spot.amazonaws.com"


@pytest.mark.parametrize(
    ("statements", "severity", "named"),
    [
        ([{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}], "error", "ssm:PutParameter"),
        (
            [*ALLOW["Statement"], {"Effect": "Deny", "Action": "elasticfilesystem:*", "Resource": "*"}],
            "error",
            "elasticfilesystem:ClientMount",
        ),
        (
            [{"Effect": "Allow", "NotAction": ["ssmmessages:*"], "Resource": "*"}],
            "warning",
            "ssmmessages:OpenDataChannel",
        ),
    ],
    ids=["only ec2", "denied", "no sessions"],
)
def test_a_boundary_that_does_not_let_nodes_do_their_work_is_told(
    account: Account, statements: list[dict[str, Any]], severity: str, named: str
) -> None:
    document = {"Version": "2012-10-17", "Statement": statements}
    account.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(document))
    found = [each for each in account.findings(permissions_boundary=BOUNDARY) if each.severity == severity]
    assert [each.key for each in found] == ["permissions_boundary"]
    assert named in found[0].problem


def test_a_boundary_is_judged_by_all_that_the_program_allows_nodes(cloud: Cloud) -> None:
    actions = {
        action
        for statements in cloud.policies().values()
        for statement in statements
        for action in statement["Action"]
    }
    file_system = {action for action in BY_NODES if action.startswith("elasticfilesystem:")}
    assert actions == {*BY_NODES, *SESSIONS} - file_system


def test_an_account_that_may_make_no_more_roles_is_told(account: Account) -> None:
    full = {"Roles": 999, "RolesQuota": 1000, "InstanceProfiles": 2, "InstanceProfilesQuota": 1000}
    (found,) = account.findings(answers={"get_account_summary": {"SummaryMap": full}})
    assert (found.severity, found.key) == ("error", "IAM quota on roles")


LOOKED_UP = (
    *("ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeInstanceTypes"),
    *("ec2:DescribeInstanceTypeOfferings", "ec2:DescribeInstances"),
)


@pytest.mark.parametrize(
    ("reason", "fix"),
    [
        ("with an explicit deny in a service control policy", "pulumi config set aws:region REGION"),
        ("with an explicit deny in an identity-based policy", "if your account asks for MFA"),
        ("because no identity-based policy allows it", "oodt preflight aws --policy"),
    ],
    ids=["region of the organization", "no second factor", "no right"],
)
def test_an_account_that_denies_what_the_program_looks_up_is_told_with_the_policy_that_does(
    account: Account, monkeypatch: pytest.MonkeyPatch, reason: str, fix: str
) -> None:
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def denied(client: BaseClient, operation: str, given: dict[str, Any]) -> Any:
        name = f"{client.meta.service_model.signing_name}:{operation}"
        if client.meta.service_model.service_name not in ("ec2", "ssm"):
            return call(client, operation, given)
        message = f"You are not authorized to perform: {name} {reason}. Encoded authorization failure: x"
        raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": message}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", denied)
    (found,) = [each for each in account.findings() if each.severity == "error"]
    assert found.key == "rights"
    assert set(found.value.split(", ")) == set(LOOKED_UP)
    assert ("explicit deny" in found.problem) == ("explicit deny" in reason)
    assert found.fix.startswith(fix)


@pytest.mark.parametrize("sign", ["Signature expired: 2026 is now", "Signature not yet current: 2027 is"])
def test_a_clock_that_is_wrong_is_told_and_not_the_credentials(
    account: Account, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    error: Any = {"Error": {"Code": "SignatureDoesNotMatch", "Message": f"{sign} earlier than 2026"}}

    def refused(*_: Any) -> Any:
        raise ClientError(error, "GetCallerIdentity")

    monkeypatch.setattr(BaseClient, "_make_api_call", refused)
    (found,) = account.findings()
    assert (found.severity, found.key) == ("error", "clock of this machine")
    assert sign in found.problem


def test_a_session_of_single_sign_on_that_is_over_is_told_with_its_login(account: Account) -> None:
    class Expired(boto3.Session):
        def client(self, *_: Any, **__: Any) -> Any:
            raise UnauthorizedSSOTokenError

    (found,) = account.findings(session=Expired(region_name=REGION))
    assert (found.severity, found.key) == ("error", "credentials")
    assert found.fix.startswith("aws sso login")


def test_a_profile_that_asks_for_an_mfa_code_is_told_with_the_session_to_take(account: Account) -> None:
    class Asking(boto3.Session):
        def client(self, *_: Any, **__: Any) -> Any:
            access._refuse_code("Enter MFA code for arn:aws:iam::123456789012:mfa/me: ")

    (found,) = account.findings(session=Asking(region_name=REGION))
    assert (found.severity, found.key) == ("error", "credentials")
    assert found.fix.startswith('eval "$(aws configure export-credentials')
