"""Calls of AWS's API that end in time, and say in plain words why they gave nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra import patience
from infra.aws.access import Access
from infra.aws.preflight.facts import NotRead, Refused
from infra.aws.preflight.place import chosen
from infra.aws.settings import AwsSettings
from infra.settings import Settings

CONNECT_TIMEOUT, READ_TIMEOUT = 2, 4  # seconds for one call, which is tried twice
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
DENIAL = "is denied"
# How AWS says which kind of policy denies a call, as in "with an explicit deny in a service control policy".
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
EXPLICIT = re.compile(r" with an explicit deny in an? [a-z -]*policy")
SERVER_ERROR = 500  # by HTTP; EC2's answer to too many calls is one, too
SERVICES = ("sts", "ec2", "efs", "ssm", "iam", "service-quotas", "autoscaling", "kms")


class Calls:
    """Clients of one account and region. Raises NotRead where there are no credentials to be found."""

    def __init__(self, access: Access, region: str) -> None:
        limits = Config(
            connect_timeout=patience.stretched(CONNECT_TIMEOUT),
            read_timeout=patience.stretched(READ_TIMEOUT),
            retries={"total_max_attempts": 2, "mode": "standard"},
        )
        # Made here, in one thread: clients may be used by several, but not made.
        try:
            session = access.session(region)
            self._clients = {name: access.client(session, name, limits) for name in SERVICES}
        except BotoCoreError as problem:
            raise NotRead(str(problem).rstrip(".")) from None

    def ask(self, service: str, action: str, missing: tuple[str, ...] = (), **arguments: Any) -> Any:
        """The answer; None if its error code is in ``missing``: there is no such thing. Raises NotRead."""
        client = self._clients[service]
        name = f"{client.meta.service_model.signing_name}:{client.meta.method_to_api_mapping[action]}"
        try:
            if client.can_paginate(action):
                return client.get_paginator(action).paginate(**arguments).build_full_result()
            return getattr(client, action)(**arguments)
        except ClientError as problem:
            code = problem.response["Error"]["Code"]
            if code in missing:
                return None
            if code in DENIED:
                raise NotRead(f"{name} {DENIAL}{_by_what(problem)}") from None
            raise NotRead(f"{name} failed: {code}, {problem.response['Error'].get('Message', '')}") from None
        except BotoCoreError as problem:
            raise NotRead(f"{name} failed: {problem}".rstrip(".")) from None

    def refusal(self, action: str, **arguments: Any) -> Refused | None:
        """How EC2 refuses this call, which is not made; None if it would not. Raises NotRead."""
        name = f"ec2:{self._clients['ec2'].meta.method_to_api_mapping[action]}"
        try:
            getattr(self._clients["ec2"], action)(**arguments, DryRun=True)
        except ClientError as problem:
            code = problem.response["Error"]["Code"]
            if code == "DryRunOperation":
                return None
            # What the message says of the reason is encoded, for administrators only.
            said = problem.response["Error"].get("Message", "").partition("Encoded authorization")[0].strip()
            if _passes(problem):
                raise NotRead(f"{name} is not tried out: {code}, {said}".rstrip(".")) from None
            return Refused(call=name, code=code, said=said)
        except BotoCoreError as problem:
            raise NotRead(f"{name} is not tried out: {problem}".rstrip(".")) from None
        raise NotRead(f"{name} is not tried out: AWS does not say whether it would be refused")


def _by_what(problem: ClientError) -> str:
    found = EXPLICIT.search(problem.response["Error"].get("Message", ""))
    return found[0] if found else ""


def _passes(problem: ClientError) -> bool:
    """Whether AWS's answer is about its own state, and would be another one later."""
    status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= SERVER_ERROR or "Throttl" in problem.response["Error"]["Code"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some of the facts: a method for each, of the fact's name, which raises NotRead."""

    settings: Settings
    calls: Calls

    @property
    def chosen(self) -> AwsSettings:
        return chosen(self.settings)


def filters(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]
