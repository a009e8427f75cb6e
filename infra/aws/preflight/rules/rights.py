"""What the deployer may do, what the nodes may, and what AWS's services need in the account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.aws import roles, share
from infra.aws.preflight import policy
from infra.aws.preflight.calls import DENIAL, DENIED
from infra.aws.preflight.facts import Denied, Facts, Refused
from infra.aws.preflight.finding import Finding, Severity
from infra.aws.preflight.place import chosen, manager_exists
from infra.aws.preflight.statements import forbids, listed, may_allow
from infra.settings import Settings

NEEDED = "oodt preflight aws --policy   # prints what an administrator has to allow"
ORGANIZATION = (
    "pulumi config set aws:region REGION   # one that your organization allows, or ask who manages it"
)
# Where calls are denied to who has shown no second factor, AWS says no more than that a policy denies them.
OTHER_SESSION = (
    "if your account asks for MFA, take a session that has it: aws sts get-session-token --serial-number "
    "MFA_DEVICE --token-code CODE; else have that policy changed"
)
SETTLED = "settle that with AWS in the account's console, and run this again"
# EC2's codes for what a trial has in common with `pulumi up`: who asks, type, image, subnet, disk, tags.
# Others may come of what it has not (groups, the interface), or of numbers that the rules on quotas judge.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
CERTAIN = (
    *DENIED,
    "AccountDisabled",
    "Blocked",
    "InvalidParameterCombination",  # such as a type that is not in the account's free tier
    "OperationNotPermitted",
    "OptInRequired",  # terms of the image that are not accepted
    "PendingVerification",  # of the account
    "TagPolicyViolation",
    "Unsupported",
    "UnsupportedOperation",
)
LINK = "iam:CreateServiceLinkedRole"
# What the simulator says of a call: how far to believe it, what that means, what to do. It judges conditions
# of the organization's policies against a request that lacks what they ask for, and does not say so.
# https://github.com/aws/aws-sdk/issues/102, https://github.com/aws/aws-cli/issues/10525
SIMULATED: dict[str, tuple[Severity, str, str]] = {
    "policy": ("error", "a policy denies it", NEEDED),
    "organization": (
        "warning",
        "a policy of the organization forbids it; that policy's conditions, such as one on the region or on "
        "who asks, are not judged",
        "ask who manages the organization whether that policy holds for you in this region",
    ),
    "nothing allows it": ("warning", "nothing allows it", NEEDED),
}
# What a node cannot do without: the join record, and that its group knows of it.
BY_NODES = (
    "ssm:GetParameter",
    "ssm:PutParameter",
    "autoscaling:CompleteLifecycleAction",
    "autoscaling:RecordLifecycleActionHeartbeat",
    "autoscaling:SetInstanceHealth",
    *share.ACTIONS,
)
IAM_NEEDED = 2  # roles, and as many instance profiles


def look_ups(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """What `pulumi up` itself looks up before anything else: without it, it ends."""
    asked = (facts.vpc, facts.subnets, facts.type, facts.offers, facts.image, facts.instances)
    by: dict[str, list[str]] = {}
    for why in dict.fromkeys(fact.failure for fact in asked):
        action, denied, reason = why.partition(f" {DENIAL}")
        if denied:
            by.setdefault(reason.strip(), []).append(action)
    for reason, actions in by.items():
        yield Finding(
            severity="error",
            key="rights",
            value=", ".join(actions),
            problem=f"AWS denies it{reason and ' '}{reason}, and pulumi up cannot do without.",
            fix=_of_denial(reason),
        )


def _of_denial(said: str) -> str:
    """What to do, by what AWS says of the policy that denies."""
    if "control policy" in said:
        return ORGANIZATION
    return OTHER_SESSION if "explicit deny in an identity-based policy" in said else NEEDED


def refused_instance(settings: Settings, facts: Facts) -> Iterator[Finding]:
    yield from _of_trial(facts.refused_instance.get())


def refused_group(settings: Settings, facts: Facts) -> Iterator[Finding]:
    yield from _of_trial(facts.refused_group.get())


def _of_trial(found: Refused | None) -> Iterator[Finding]:
    """An error where `pulumi up` would be refused as the trial was, else a warning."""
    if not found:
        return
    certain = found.code in CERTAIN
    what = "AWS would refuse it" if certain else "AWS refuses it as a trial, and perhaps in `pulumi up` too"
    yield Finding(
        severity="error" if certain else "warning",
        key="rights",
        value=found.call,
        problem=f"{what}: {found.code}, {found.said}",
        fix=_of_denial(found.said) if found.code in DENIED else SETTLED,
    )


def denied(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """What the simulator does not know, such as conditions on tags, may allow what it says is not allowed."""
    for by, (severity, what, fix) in SIMULATED.items():
        actions = [each.action for each in facts.denied.get() if each.by == by and each.action != LINK]
        if actions:
            yield Finding(
                severity=severity,
                key="rights",
                value=", ".join(dict.fromkeys(actions)),
                problem=f"by IAM's simulator {what}.",
                fix=fix,
            )


def linked_roles(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """AWS makes them with the first group, the first file system: by the deployer's right to do so."""
    lacking = [each for each in policy.linked(chosen(settings)) if each not in facts.linked_roles.get()]
    if not lacking:
        return
    known: tuple[Denied, ...] = facts.denied.get()
    by = {each.by for each in known if each.action == LINK}
    if by:
        for service in lacking:
            yield Finding(
                severity="warning" if by == {"organization"} else "error",
                key="service role",
                value=service,
                problem=f"this account has none yet, and you may not make it ({LINK}).",
                fix="have an administrator type: aws iam create-service-linked-role "
                f"--aws-service-name {service}",
            )


def boundary(settings: Settings, facts: Facts) -> Iterator[Finding]:
    arn, document = chosen(settings).permissions_boundary, facts.boundary.get()
    if not arn:
        return
    if document is None:
        yield _of_boundary("error", arn, "there is no such policy.", "pulumi config rm permissions_boundary")
        return
    for severity, actions, what in (
        ("error", BY_NODES, "the swarm does not come up"),
        ("warning", roles.SESSIONS, "Session Manager does not log in on them"),
    ):
        statements = listed(document)
        lacking = [
            action
            for action in actions
            if any(forbids(each, action) for each in statements)
            or not any(may_allow(each, action) for each in statements)
        ]
        if lacking:
            problem = f"it does not let nodes do {', '.join(lacking)}: {what}."
            yield _of_boundary(
                severity, arn, problem, f"aws iam create-policy-version --policy-arn {arn} ..."
            )


def _of_boundary(severity: Any, arn: str, problem: str, fix: str) -> Finding:
    return Finding(severity=severity, key="permissions_boundary", value=repr(arn), problem=problem, fix=fix)


def iam_room(settings: Settings, facts: Facts) -> Iterator[Finding]:
    if manager_exists(facts):
        return
    for what, left in facts.iam_room.get().items():
        if left < IAM_NEEDED:
            yield Finding(
                severity="error",
                key=f"IAM quota on {what}",
                problem=f"the account may make {left} more, the stack needs {IAM_NEEDED}.",
                fix="aws service-quotas list-service-quotas --service-code iam --region us-east-1",
            )
