"""Certificates are those that a manager shows, expired or not; secrets have the names that operators know."""

import asyncio
import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runtime.messaging.facts import Certificate, Secret
from runtime.swarm_service.aging import certificates, secrets

NOW = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


class Authority:
    """The root of a swarm, which has signed the certificate of a manager until ENDS."""

    def __init__(self, folder: Path, ends: datetime.datetime) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "swarm-ca")])
        root = self._signed(self._name, self._key.public_key(), NOW + 7300 * DAY, is_root=True)
        self.root = root.public_bytes(serialization.Encoding.PEM).decode()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "swarm-manager")])
        node = self._signed(name, key.public_key(), ends, is_root=False)
        self.file = folder / "node.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.file.write_bytes(node.public_bytes(serialization.Encoding.PEM) + private)

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePublicKey, ends: datetime.datetime, *, is_root: bool
    ) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=name,
            public_key=key,
            serial_number=x509.random_serial_number(),
            not_valid_before=NOW - 90 * DAY,
            not_valid_after=ends,
        )
        basic = x509.BasicConstraints(ca=is_root, path_length=None)
        return builder.add_extension(basic, critical=True).sign(self._key, hashes.SHA256())


@pytest.fixture(params=[NOW + 30 * DAY, NOW - 30 * DAY], ids=["valid", "expired"])
def ends(request: pytest.FixtureRequest) -> Iterator[datetime.datetime]:
    yield request.param


def manager(address: str) -> dict[str, Any]:
    return {"Description": {"Hostname": "m1"}, "ManagerStatus": {"Addr": address}}


async def seen(authority: Authority, trusted: str) -> tuple[Certificate, ...]:
    """What is seen of a manager that asks for a certificate of its callers, as docker's does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.file)
    context.load_verify_locations(cadata=authority.root)
    context.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        worker = {"Description": {"Hostname": "w1"}}
        return await certificates(trusted, [manager(f"127.0.0.1:{port}"), worker])


def test_the_root_and_the_certificates_of_managers_are_seen(tmp_path: Path, ends: datetime.datetime) -> None:
    authority = Authority(tmp_path, ends)
    begins = (NOW - 90 * DAY).timestamp()
    assert asyncio.run(seen(authority, authority.root)) == (
        Certificate(name="swarm root", begins=begins, ends=(NOW + 7300 * DAY).timestamp()),
        Certificate(name="node m1", begins=begins, ends=ends.timestamp()),
    )


def test_of_a_manager_that_does_not_answer_or_is_another_swarms_nothing_is_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path, NOW + DAY)
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", NOW + DAY)
    for found in (
        asyncio.run(certificates(authority.root, [manager("127.0.0.1:9"), manager("odd")])),
        asyncio.run(seen(authority, other.root)),
    ):
        assert [each.name for each in found] == ["swarm root"]


def service(**files: str) -> dict[str, Any]:
    mounted = [{"File": {"Name": path}, "SecretID": id} for id, path in files.items()]
    return {"Spec": {"TaskTemplate": {"ContainerSpec": {"Secrets": mounted}}}}


def test_secrets_of_services_are_told_once_by_the_names_that_operators_know() -> None:
    made = [
        {"ID": "a", "CreatedAt": "2026-11-29T00:00:00.123456789Z"},
        *({"ID": id, "CreatedAt": "2026-11-30T00:00:00Z"} for id in "bcdef"),
    ]
    services = [
        service(a="/run/secrets/rabbitmq_user_url", b="/run/secrets/status_token"),
        service(f="/run/secrets/rabbitmq_user_url", c="/run/workflow-secrets/flow/KEY"),
        service(d="/run/secrets/alarm_webhook", e="/run/secrets/rabbitmq_definitions"),
        {"Spec": {"TaskTemplate": {}}},
        service(gone="/run/secrets/status_look_token"),
    ]
    day = NOW.timestamp()
    assert secrets(services, made) == (
        Secret(name="alarm_webhook", generated=False, made=day),
        Secret(name="flow/KEY", generated=False, made=day),
        Secret(name="rabbitmq-user", generated=True, made=day - 86400 + 0.123456),
        Secret(name="status-token", generated=True, made=day),
    )
