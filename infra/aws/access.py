"""How AWS is asked: with the credentials, roles and endpoints of the AWS provider's own configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    DeferredRefreshableCredentials,
    FileWebIdentityTokenLoader,
)
from botocore.exceptions import NoCredentialsError

from infra import patience
from infra.values import ConfigurationError

CONNECT_TIMEOUT, READ_TIMEOUT = 5, 10  # seconds for a call that assumes a role
# Of a role: how the provider's configuration and AWS's own call name the same thing.
ROLE_OPTIONS = {
    "sessionName": "RoleSessionName",
    "externalId": "ExternalId",
    "policy": "Policy",
    "policyArns": "PolicyArns",
    "sourceIdentity": "SourceIdentity",
    "tags": "Tags",
    "transitiveTagKeys": "TransitiveTagKeys",
}


@dataclass(frozen=True, kw_only=True)
class Access:
    """What is empty is looked for where AWS's own tools look."""

    profile: str = ""
    keys: tuple[str, ...] = field(default=(), repr=False)
    roles: tuple[Mapping[str, Any], ...] = ()
    web_identity: Mapping[str, Any] = field(default_factory=dict, repr=False)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def client(self, session: boto3.Session, service: str, limits: Config) -> Any:
        """A client of the service, at the provider's endpoint for it if one is configured."""
        return session.client(
            service,  # type: ignore[call-overload]
            config=limits,
            endpoint_url=self.endpoints.get(service.replace("-", "")),
        )

    def session(self, region: str) -> boto3.Session:
        """Raises botocore's errors where a profile is unknown, or there are no credentials for a role."""
        core = botocore.session.Session(profile=self.profile or None)
        for name, value in {"region": region, **self.files}.items():
            core.set_config_variable(name, value)
        if self.keys:
            core.set_credentials(*self.keys)
        if self.roles or self.web_identity:
            # botocore has no other way to take credentials that are renewed.
            core._credentials = self._assumed(core)  # type: ignore[attr-defined]
        return boto3.Session(botocore_session=core)

    def _assumed(self, core: botocore.session.Session) -> Any:
        create = partial(_create_client, core, self.endpoints.get("sts"))
        found: Any = None
        if self.web_identity:
            role = self.web_identity
            token = role.get("webIdentityToken")
            path = role.get("webIdentityTokenFile", "")
            fetcher: Any = AssumeRoleWithWebIdentityCredentialFetcher(
                client_creator=create,
                web_identity_token_loader=(lambda: token) if token else FileWebIdentityTokenLoader(path),
                role_arn=role["roleArn"],
                extra_args=_options(role),
            )
            found = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role-with-web-identity")
        else:
            found = core.get_credentials()
        for role in self.roles:
            if found is None:
                raise NoCredentialsError
            fetcher = AssumeRoleCredentialFetcher(
                client_creator=create,
                source_credentials=found,
                role_arn=role["roleArn"],
                extra_args=_options(role),
            )
            found = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        return found


def _create_client(core: botocore.session.Session, endpoint: str | None, service: str, **options: Any) -> Any:
    own = Config(
        connect_timeout=patience.stretched(CONNECT_TIMEOUT), read_timeout=patience.stretched(READ_TIMEOUT)
    )
    limits = own.merge(options.pop("config", None) or Config())
    return core.create_client(service, endpoint_url=endpoint, config=limits, **options)


def _options(role: Mapping[str, Any]) -> dict[str, Any]:
    """What the call takes beside the role's name."""
    found = {theirs: role[ours] for ours, theirs in ROLE_OPTIONS.items() if role.get(ours)}
    if "PolicyArns" in found:
        found["PolicyArns"] = [{"arn": arn} for arn in found["PolicyArns"]]
    if "Tags" in found:
        found["Tags"] = [{"Key": key, "Value": value} for key, value in found["Tags"].items()]
    return found


def load(get: Callable[[str], Any]) -> Access:
    """The access that the configuration of the AWS provider says; ``get`` gives a key's text, or None.

    Raises ConfigurationError.
    """
    if get("aws:assumeRole"):
        raise ConfigurationError(
            "aws:assumeRole",
            None,
            "this version of the AWS provider takes no such key: it would go on without the role.",
            "pulumi config rm aws:assumeRole && "
            "pulumi config set --path 'aws:assumeRoles[0].roleArn' arn:aws:iam::123456789012:role/deployer",
        )
    keys = [get(f"aws:{key}") for key in ("accessKey", "secretKey", "token")]
    endpoints = {name: url for entry in _part(get, "endpoints", list) for name, url in entry.items()}
    files = {
        variable: listed[0]
        for key, variable in (
            ("sharedConfigFiles", "config_file"),
            ("sharedCredentialsFiles", "credentials_file"),
        )
        if (listed := _part(get, key, list))
    }
    return Access(
        profile=get("aws:profile") or "",
        keys=tuple(key for key in keys if key),
        roles=tuple(_part(get, "assumeRoles", list)),
        web_identity=_part(get, "assumeRoleWithWebIdentity", dict),
        endpoints=endpoints,
        files=files,
    )


def _part(get: Callable[[str], Any], key: str, kind: type) -> Any:
    """The engine hands lists and objects over as JSON."""
    text = get(f"aws:{key}")
    try:
        found = json.loads(text) if isinstance(text, str) and text else text or kind()
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise ConfigurationError(
            f"aws:{key}",
            None,
            f"it must be a JSON {'list' if kind is list else 'object'}.",
            f"pulumi config rm aws:{key}",
        )
    return found
