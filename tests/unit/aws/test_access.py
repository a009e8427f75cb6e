"""How gates and preflight ask AWS: as the AWS provider's own configuration says, with STS from moto."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from moto import mock_aws
from pulumi.dynamic import Config as StackConfig
from pulumi.dynamic import ConfigureRequest

from infra.aws import access, readiness
from infra.values import ConfigurationError

REGION = "us-west-2"
ROLE = "arn:aws:iam::123456789012:role/deployer"
OTHER = "arn:aws:iam::210987654321:role/other"


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


def client(service: str, **config: Any) -> Any:
    """A client by these keys of the provider's configuration, which has lists and objects as JSON."""
    texts = {
        f"aws:{key}": text if isinstance(text, str) else json.dumps(text) for key, text in config.items()
    }
    own = access.load(texts.get)
    return own.client(own.session(REGION), service, Config())


def caller(**config: Any) -> str:
    return str(client("sts", **config).get_caller_identity()["Arn"])


def test_roles_are_assumed_one_by_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    roles = [{"roleArn": ROLE, "sessionName": "first"}, {"roleArn": OTHER, "sessionName": "second"}]
    assert ":assumed-role" not in caller()
    assert caller(assumeRoles=roles[:1]).endswith(":assumed-role/deployer/first")
    assert caller(assumeRoles=roles).endswith("::210987654321:assumed-role/other/second")


def test_a_role_is_assumed_with_a_web_identity(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a.token.of-ci")
    identity = {"roleArn": ROLE, "sessionName": "ci", "webIdentityTokenFile": str(token)}
    assert caller(assumeRoleWithWebIdentity=identity).endswith(":assumed-role/deployer/ci")


def test_keys_and_profiles_and_their_files_are_the_providers(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[site]\naws_access_key_id = OFSITE\naws_secret_access_key = s\n")
    own = client("ec2", profile="site", sharedCredentialsFiles=[str(file)])
    assert own._request_signer._credentials.access_key == "OFSITE"
    own = client("ec2", accessKey="OWN", secretKey="secret")
    assert own._request_signer._credentials.access_key == "OWN"
    with pytest.raises(BotoCoreError, match="nobody"):
        client("ec2", profile="nobody")


def test_a_profile_that_asks_for_an_mfa_code_is_refused_and_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "123456"

    monkeypatch.setattr(getpass, "getpass", ask)
    file = tmp_path / "config"
    user = "[profile user]\naws_access_key_id = USER\naws_secret_access_key = s\n"
    role = f"[profile site]\nsource_profile = user\nrole_arn = {ROLE}\n"
    file.write_text(f"{user}{role}mfa_serial = arn:aws:iam::123456789012:mfa/me\n")
    with pytest.raises(BotoCoreError, match="asks for an MFA code"):
        caller(profile="site", sharedConfigFiles=[str(file)])
    assert asked == []
    file.write_text(f"{user}{role}")
    assert ":assumed-role/deployer/" in caller(profile="site", sharedConfigFiles=[str(file)])


def test_a_service_is_asked_at_the_endpoint_that_is_named_for_it() -> None:
    endpoints = [{"ssm": "http://127.0.0.1:7", "servicequotas": "http://127.0.0.1:8"}]
    assert client("ssm", endpoints=endpoints).meta.endpoint_url == "http://127.0.0.1:7"
    assert client("service-quotas", endpoints=endpoints).meta.endpoint_url == "http://127.0.0.1:8"
    assert "amazonaws.com" in client("ec2", endpoints=endpoints).meta.endpoint_url


def test_proxies_are_the_providers_and_one_for_http_serves_for_https_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = "http://one:3128", "http://other:3128"
    assert client("ssm").meta.config.proxies is None
    assert client("ssm", httpsProxy=one).meta.config.proxies["https"] == one
    assert client("ssm", httpProxy=other).meta.config.proxies == {"http": other, "https": other}
    monkeypatch.setenv("HTTPS_PROXY", one)
    assert client("ssm", httpProxy=other).meta.config.proxies == {"http": other, "https": one}


def test_certificates_are_those_that_the_provider_takes(tmp_path: Path) -> None:
    def verified(**config: Any) -> Any:
        return client("ssm", **config)._endpoint.http_session._verify

    bundle = str(tmp_path / "site.pem")
    assert verified(customCaBundle=bundle) == bundle
    assert verified(insecure="false") is not False
    assert verified(insecure="true", customCaBundle=bundle) is False


def test_endpoints_are_of_the_kind_and_region_that_the_provider_takes() -> None:
    assert "ssm-fips." in client("ssm", useFipsEndpoint="true").meta.endpoint_url
    assert ".api.aws" in client("ec2", useDualstackEndpoint="true").meta.endpoint_url
    assert client("sts", stsRegion="eu-west-1").meta.region_name == "eu-west-1"
    assert client("ssm", stsRegion="eu-west-1").meta.region_name == REGION
    roles = [{"roleArn": ROLE, "sessionName": "first"}]
    assert caller(assumeRoles=roles, stsRegion="eu-west-1").endswith(":assumed-role/deployer/first")


def test_a_gate_has_the_access_of_the_stacks_configuration() -> None:
    gate = readiness._WorkersProvider()
    raw = {"aws:endpoints": '[{"autoscaling": "http://127.0.0.1:7"}]'}
    gate.configure(ConfigureRequest(config=StackConfig(raw_config=raw, project_name="oodt")))
    found = gate.client({"region": REGION}, "autoscaling")
    assert (found.meta.endpoint_url, found.meta.region_name) == ("http://127.0.0.1:7", REGION)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("assumeRole", '{"roleArn": "x"}'),
        ("assumeRoles", "{}"),
        ("endpoints", "["),
        ("noProxy", ".example.org"),
        ("insecure", "perhaps"),
    ],
)
def test_what_provider_or_gates_would_not_take_is_an_error_with_a_fix(key: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"aws:{key}") as caught:
        access.load({f"aws:{key}": text}.get)
    assert "fix: " in str(caught.value)
    assert "pulumi config " in str(caught.value)


def test_no_secret_is_in_what_an_access_looks_like() -> None:
    keys = {"aws:accessKey": "AKIA", "aws:secretKey": "geheim", "aws:token": "geheim"}
    keys["aws:httpsProxy"] = "http://me:geheim@proxy:3128"
    assert "geheim" not in repr(access.load(keys.get))
