"""Reads what the deployer and the nodes' roles may do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from infra.aws.preflight import at_once, facts, policy
from infra.aws.preflight.calls import Part
from infra.aws.preflight.facts import NotRead

NOT_THERE = ("NoSuchEntity",)
LINKED_PATH = "/aws-service-role/"
# Statements of the deployer's policy that stand for what comes first in `pulumi up`, or for what is often
# forbidden. What has conditions on tags is judged only when there is something.
SIMULATED = ("Make", "Workers", "BoundedRoles", "Roles", "Pass", "ServiceRoles")
IAM_KINDS = ("role", "instance-profile")
LANES = 3  # calls of the simulator at once: it is slow, and AWS refuses too many calls of IAM in a second
OF_ALL_REGIONS = "us-east-1"  # where IAM's calls are counted as made


class RightsPart(Part):
    """Calls that are simulated, roles of services, and the nodes' boundary."""

    def boundary(self) -> dict[str, Any] | None:
        """The document of the boundary; empty without one, None if it is missing."""
        arn = self.chosen.permissions_boundary
        if not arn:
            return {}
        found = self.calls.ask("iam", "get_policy", NOT_THERE, PolicyArn=arn)
        if found is None:
            return None
        version = self.calls.ask(
            "iam", "get_policy_version", PolicyArn=arn, VersionId=found["Policy"]["DefaultVersionId"]
        )
        document: dict[str, Any] = version["PolicyVersion"]["Document"]
        return document

    def linked_roles(self) -> frozenset[str]:
        found = (
            service
            for service in policy.linked(self.chosen)
            if self.calls.ask("iam", "list_roles", PathPrefix=f"{LINKED_PATH}{service}/")["Roles"]
        )
        return frozenset(found)

    def iam_room(self) -> dict[str, int]:
        found = self.calls.ask("iam", "get_account_summary")["SummaryMap"]
        return {
            name: found[f"{key}Quota"] - found[key]
            for name, key in (("roles", "Roles"), ("instance profiles", "InstanceProfiles"))
            if f"{key}Quota" in found and key in found
        }

    def denied(self) -> tuple[facts.Denied, ...]:
        """What IAM's simulator says of the deployer's policies, and of those of his organization."""
        caller = self.calls.ask("sts", "get_caller_identity")
        principal = self._principal(caller["Arn"])
        if not principal:
            return ()
        asked = [
            partial(self._simulated, principal, caller["Account"], statement, resource)
            for statement in policy.document(self.settings)["Statement"]
            if statement["Sid"] in SIMULATED
            for resource in _listed(statement["Resource"])
        ]
        lanes = {str(number): partial(_one_by_one, asked[number::LANES]) for number in range(LANES)}
        return tuple(denied for lane in at_once.looked(lanes).values() for denied in lane.get())

    def _principal(self, arn: str) -> str:
        """Whose policies count: a role's, for a session of it. Empty for the account's root."""
        head, _, name = arn.partition(":assumed-role/")
        if name:
            role = name.partition("/")[0]
            return str(self.calls.ask("iam", "get_role", RoleName=role)["Role"]["Arn"])
        if head.endswith(":root"):
            return ""
        if ":user/" not in arn:
            raise NotRead(f"IAM's simulator does not know {arn}")
        return arn

    def _simulated(
        self, principal: str, account: str, statement: dict[str, Any], resource: str
    ) -> list[facts.Denied]:
        """The resource as it will be called: policies may name just that one."""
        conditions = statement.get("Condition", {}).get("StringEquals", {})
        region = conditions.get("aws:RequestedRegion", OF_ALL_REGIONS)
        context = {
            key: value if isinstance(value, str) else value[0]
            for key, value in {**conditions, "aws:RequestedRegion": region}.items()
        }
        # Of IAM's actions some are about roles, some about instance profiles.
        kind = resource.rpartition(":")[2].partition("/")[0]
        about = [each for each in statement["Action"] if kind not in IAM_KINDS or kind == _kind(each)]
        answer = self.calls.ask(
            "iam",
            "simulate_principal_policy",
            PolicySourceArn=principal,
            ActionNames=about,
            ResourceArns=[_called(resource, account)],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in context.items()
            ],
        )
        return [_denied(each) for each in answer["EvaluationResults"] if each["EvalDecision"] != "allowed"]


def _one_by_one(looks: Sequence[Callable[[], list[facts.Denied]]]) -> list[facts.Denied]:
    return [denied for look in looks for denied in look()]


def _listed(resources: str | list[str]) -> list[str]:
    return [resources] if isinstance(resources, str) else resources


def _denied(result: dict[str, Any]) -> facts.Denied:
    action = result["EvalActionName"]
    if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        return facts.Denied(action=action, by="organization")
    if result["EvalDecision"] == "explicitDeny" and not result.get("MissingContextValues"):
        return facts.Denied(action=action, by="policy")
    return facts.Denied(action=action, by="nothing allows it")


def _kind(action: str) -> str:
    """The kind of resource that IAM's action is about, as ARNs have it."""
    of_role = action.endswith("Role") or "InstanceProfile" not in action
    return "role" if of_role else "instance-profile"


def _called(pattern: str, account: str) -> str:
    """A resource that fits the pattern of an ARN."""
    return pattern if pattern == "*" else pattern.replace(":*:", f":{account}:").replace("*", "preflight")
