"""How AWS is asked: with the credentials, roles, endpoints and proxies that the AWS provider is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.request import getproxies_environment

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    DeferredRefreshableCredentials,
    FileWebIdentityTokenLoader,
)
from botocore.exceptions import CredentialRetrievalError, NoCredentialsError

from infra import patience
from infra.values import ConfigurationError

CONNECT_TIMEOUT, READ_TIMEOUT = 5, 10  # seconds for a call that assumes a role
ASKS_FOR_CODE = "it asks for an MFA code, which pulumi and its AWS provider cannot ask for"
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
    variables: Mapping[str, str | bool] = field(default_factory=dict)  # by their names in botocore's sessions
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    sts_region: str = ""

    def client(self, session: boto3.Session, service: str, limits: Config) -> Any:
        """A client of the service, at the provider's endpoint for it if one is configured."""
        return session.client(
            service,  # type: ignore[call-overload]
            config=limits,
            endpoint_url=self.endpoints.get(service.replace("-", "")),
            region_name=(self.sts_region or None) if service == "sts" else None,
        )

    def session(self, region: str) -> boto3.Session:
        """Raises botocore's errors where a profile is unknown, or there are no credentials for a role."""
        core = botocore.session.Session(profile=self.profile or None)
        for name, value in {"region": region, **self.variables}.items():
            core.set_config_variable(name, value)
        # botocore would ask at the terminal, over what the engine shows there, and wait without a limit.
        core.get_component("credential_provider").get_provider("assume-role")._prompter = _refuse_code
        if self.proxies:
            core.set_default_client_config(Config(proxies=dict(self.proxies)))
        if self.keys:
            core.set_credentials(*self.keys)
        if self.roles or self.web_identity:
            # botocore has no other way to take credentials that are renewed.
            core._credentials = self._assumed(core)  # type: ignore[attr-defined]
        return boto3.Session(botocore_session=core)

    def _assumed(self, core: botocore.session.Session) -> Any:
        create = partial(_create_client, core, self.endpoints.get("sts"), self.sts_region or None)
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


def session_end() -> str:
    """When the credentials in the environment end, as those who hand out sessions say; empty if they do not.

    Beside no credentials it is a variable that an earlier session has left, and AWS's tools pass it by.
    """
    return os.environ.get("AWS_CREDENTIAL_EXPIRATION", "") if os.environ.get("AWS_ACCESS_KEY_ID") else ""


def _refuse_code(_prompt: str) -> str:
    raise CredentialRetrievalError(provider="the profile's role", error_msg=ASKS_FOR_CODE)


def _create_client(
    core: botocore.session.Session, endpoint: str | None, region: str | None, service: str, **options: Any
) -> Any:
    own = Config(
        connect_timeout=patience.stretched(CONNECT_TIMEOUT), read_timeout=patience.stretched(READ_TIMEOUT)
    )
    limits = own.merge(options.pop("config", None) or Config())
    return core.create_client(service, region, endpoint_url=endpoint, config=limits, **options)


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
    if get("aws:noProxy"):
        raise ConfigurationError(
            "aws:noProxy",
            None,
            "only the AWS provider takes this key: the preflight and the gates would go through the proxy.",
            "name proxies where all of them look: pulumi config rm aws:noProxy && pulumi config rm "
            "aws:httpsProxy && export HTTPS_PROXY=http://proxy.example.org:3128 NO_PROXY=.example.org",
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
        variables=files | _connection(get),
        proxies=_proxies(get),
        sts_region=get("aws:stsRegion") or "",
    )


def _connection(get: Callable[[str], Any]) -> dict[str, str | bool]:
    """Which certificates count, False for none, and which of a service's endpoints is taken."""
    found: dict[str, str | bool] = {
        variable: True
        for key, variable in (
            ("useFipsEndpoint", "use_fips_endpoint"),
            ("useDualstackEndpoint", "use_dualstack_endpoint"),
        )
        if _flag(get, key)
    }
    if _flag(get, "insecure"):
        return found | {"ca_bundle": False}
    bundle = get("aws:customCaBundle")
    return found | ({"ca_bundle": os.path.expanduser(bundle)} if bundle else {})


def _proxies(get: Callable[[str], Any]) -> dict[str, str]:
    """Empty where the environment alone says it. A key counts more; one for http serves for https, too.

    So does the provider, by HTTPTransportOptions of github.com/hashicorp/aws-sdk-go-base.
    """
    plain, secure = get("aws:httpProxy"), get("aws:httpsProxy")
    if not (plain or secure):
        return {}
    around = getproxies_environment()
    chosen = {"http": plain or around.get("http"), "https": secure or around.get("https") or plain}
    return {scheme: url for scheme, url in chosen.items() if url}


def _flag(get: Callable[[str], Any], key: str) -> bool:
    text = str(get(f"aws:{key}") or "false").lower()
    if text not in ("true", "false"):
        raise ConfigurationError(
            f"aws:{key}", text, "it must be true or false.", f"pulumi config set aws:{key} true"
        )
    return text == "true"


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
