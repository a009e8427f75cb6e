"""Roles that the trial gives AWS's own services for as long as it runs."""

from __future__ import annotations

import json
from typing import Any

from tools.day_one.account import Account, gone

POLICY = "day-one"


def make(account: Account, name: str, services: list[str], statements: list[dict[str, Any]]) -> str:
    """The role's ARN; the services may take it, and do what the statements say."""
    iam = account.clients["iam"]
    trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    made = iam.create_role(
        RoleName=name,
        Description=f"{account.prefix}: {name}",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        Tags=[{"Key": key, "Value": value} for key, value in account.tags.items()],
    )
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName=POLICY, PolicyDocument=document)
    return str(made["Role"]["Arn"])


def remove(account: Account, name: str) -> bool:
    """Whether it is gone."""
    iam = account.clients["iam"]
    without_policy = gone(iam.delete_role_policy, RoleName=name, PolicyName=POLICY)
    return without_policy and gone(iam.delete_role, RoleName=name)


def removal(name: str) -> str:
    """The line that removes it, with its policy or without."""
    without_policy = f"aws iam delete-role-policy --role-name {name} --policy-name {POLICY}"
    return f"{without_policy}; aws iam delete-role --role-name {name}"
