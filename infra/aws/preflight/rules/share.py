"""A given file system: that it is there, that nodes may mount it, that its mount targets can let them in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from infra.aws import share
from infra.aws.preflight.facts import Facts
from infra.aws.preflight.finding import Finding
from infra.aws.preflight.place import chosen, place
from infra.aws.preflight.statements import concerns, listed, names
from infra.settings import Settings

# A policy that lets in who shows a role that may mount, as the nodes do, and nobody else.
CLOSED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "elasticfilesystem:Client*",
            "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}
# Conditions that the nodes' mounts meet, by lower-case key: they use TLS, through a mount target.
MET = {"aws:securetransport": "true", "elasticfilesystem:accessedviamounttarget": "true"}


def file_system(settings: Settings, facts: Facts) -> Iterator[Finding]:
    efs_id = chosen(settings).efs_id
    if not efs_id:
        return
    found = facts.file_system.get()
    if found is None:
        raise share.missing(efs_id, "AWS knows none of this id")
    if found.state not in ("available", "updating"):
        yield _finding("error", efs_id, f"it is {found.state}.", share.OWN)
    if found.copy:
        problem = "another file system is replicated to it: nobody else may write there."
        stop = f"aws efs delete-replication-configuration --region {chosen(settings).region}"
        yield _finding("error", efs_id, problem, f"{stop} --source-file-system-id SOURCE")
    if not found.encrypted:
        yield _finding("warning", efs_id, "what is stored there is not encrypted.", share.OWN)


def mount_targets(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """The stack adds a rule to one group of each mount target: there must be one."""
    efs_id = chosen(settings).efs_id
    if not efs_id:
        return
    zones = {subnet.zone for subnet in place(settings, facts).subnets}
    groups = facts.target_groups.get()
    for target in facts.targets.get():
        if target.zone not in zones:
            continue
        if target.state != "available":
            yield _finding("error", efs_id, f"its mount target {target.id} is {target.state}.", share.OWN)
        if target.only_ipv6:
            problem = f"its mount target {target.id} has an IPv6 address only; nodes have none."
            yield _finding("error", efs_id, problem, share.OWN)
        if not groups.get(target.id):
            yield _finding(
                "error",
                efs_id,
                f"its mount target {target.id} has no security group that could let the nodes in.",
                "aws efs modify-mount-target-security-groups "
                f"--region {chosen(settings).region} --mount-target-id {target.id} --security-groups GROUP",
            )


def policy(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """The nodes' roles let them mount, unless the policy refuses it; others must not get in without one.

    Without a policy whoever reaches a mount target may mount.
    """
    aws = chosen(settings)
    if not aws.efs_id:
        return
    document = facts.share_policy.get()
    statements = listed(document or {})
    named = f"--region {aws.region} --file-system-id {aws.efs_id}"
    for name in share.ACTIONS:
        about = [each for each in statements if concerns(each, name) and each.get("Effect") == "Deny"]
        refused = [each for each in about if _applies(each) is not False]
        fix = f"aws efs describe-file-system-policy {named}"
        if any(_applies(each) and _is_for_all(each) for each in refused):
            yield _finding("error", aws.efs_id, f"its policy refuses {name} to the nodes.", fix)
        elif refused:
            yield _finding("warning", aws.efs_id, f"its policy may refuse {name} to the nodes.", fix)
    if document is None or any(concerns(each, share.ACTIONS[0]) and _allows(each) for each in statements):
        yield _finding(
            "warning",
            aws.efs_id,
            "whoever reaches it may mount it without credentials and as any user, programs of workflows "
            "too. With the policy below only who has a role for it may, as the nodes have.",
            f"aws efs put-file-system-policy {named} --policy '{json.dumps(CLOSED)}'",
        )


def _allows(statement: Mapping[str, Any]) -> bool:
    return statement.get("Effect") == "Allow" and _is_for_all(statement) and _applies(statement) is True


def _is_for_all(statement: Mapping[str, Any]) -> bool:
    """Whether it is about clients without credentials."""
    return names(statement, "*")


def _applies(statement: Mapping[str, Any]) -> bool | None:
    """Whether the nodes' mounts meet the statement's conditions; None if that is not known here."""
    answers: list[bool | None] = []
    for operator, tests in statement.get("Condition", {}).items():
        for key, wanted in tests.items():
            values = [wanted] if isinstance(wanted, str | bool) else list(wanted)
            known = MET.get(key.lower()) if operator.removesuffix("IfExists") == "Bool" else None
            answers.append(None if known is None else known in [str(value).lower() for value in values])
    if False in answers:
        return False
    return None if None in answers else True


def _finding(severity: Any, efs_id: str, problem: str, fix: str) -> Finding:
    return Finding(severity=severity, key="efs_id", value=repr(efs_id), problem=problem, fix=fix)
