"""What expires, or should be made anew from time to time: the swarm's certificates, secrets of services.

Docker on each node renews the certificate of that node; those of workers are seen by nobody else.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runtime import names
from runtime.messaging.facts import Certificate, Secret
from runtime.swarm_service.engine import Engine, EngineDown
from runtime.swarm_service.times import seconds

log = logging.getLogger(__name__)

EVERY_SECONDS = 300.0
ANSWER_SECONDS = 5.0
ROOT = "swarm root"
# A certificate that has expired has to be seen as such. Python has no name for this flag of OpenSSL.
NO_CHECK_TIME = 0x200000
# Passwords that `pulumi up` has made, by the files that hold them, as the program calls them.
GENERATED = {
    names.STATUS_TOKEN_SECRET: "status-token",
    names.STATUS_LOOK_TOKEN_SECRET: "status-look-token",
    names.RABBITMQ_USER_SECRET: "rabbitmq-user",
    names.RABBITMQ_ADMIN_SECRET: "rabbitmq-admin",
}
WORKFLOW_SECRETS = f"{names.WORKFLOW_SECRETS_DIR}/"

Answer = Mapping[str, Any]


class Aging:
    """Looks every few minutes, and knows the last answers between."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._looked = -EVERY_SECONDS
        self._certificates: tuple[Certificate, ...] = ()
        self._secrets: tuple[Answer, ...] = ()

    async def look(
        self, nodes: Iterable[Answer], services: Iterable[Answer]
    ) -> tuple[tuple[Certificate, ...], tuple[Secret, ...]]:
        """Certificates, and the secrets of these services. What docker does not tell is left out."""
        if time.monotonic() - self._looked >= EVERY_SECONDS:
            self._looked = time.monotonic()
            try:
                swarm, made = await asyncio.gather(self._engine.get("/swarm"), self._engine.get("/secrets"))
                self._secrets = tuple(made)
                self._certificates = await certificates(swarm["TLSInfo"]["TrustRoot"], nodes)
            except (EngineDown, LookupError, ValueError) as error:
                log.warning("it is not known which certificates and secrets there are: %r", error)
        return self._certificates, secrets(services, self._secrets)


async def certificates(trusted: str, nodes: Iterable[Answer]) -> tuple[Certificate, ...]:
    """The root that the swarm's nodes trust, and the certificates by which its managers answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= NO_CHECK_TIME
    context.load_verify_locations(cadata=trusted)
    found = [_certificate(ROOT, each) for each in context.get_ca_certs()]
    for node in nodes:
        address = (node.get("ManagerStatus") or {}).get("Addr", "")
        if address and (its := await _of_manager(node["Description"]["Hostname"], address, context)):
            found.append(its)
    return tuple(found)


async def _of_manager(name: str, address: str, context: ssl.SSLContext) -> Certificate | None:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
            certificate = writer.get_extra_info("peercert")
            writer.close()
    except (OSError, ValueError) as error:
        log.warning("nothing is known of the certificate of manager %s at %s: %r", name, address, error)
        return None
    return _certificate(f"node {name}", certificate)


def _certificate(name: str, told: Mapping[str, Any]) -> Certificate:
    begins, ends = (float(ssl.cert_time_to_seconds(told[key])) for key in ("notBefore", "notAfter"))
    return Certificate(name=name, begins=begins, ends=ends)


def secrets(services: Iterable[Answer], made: Iterable[Answer]) -> tuple[Secret, ...]:
    """The secrets that these services have, as operators know them; of the older one, if there are two."""
    made_at = {each["ID"]: seconds(each.get("CreatedAt")) for each in made}
    found: dict[str, Secret] = {}
    for service in services:
        for path, id in _mounted(service):
            known = _known(path)
            if known and id in made_at:
                name, generated = known
                at = min(made_at[id], found[name].made if name in found else made_at[id])
                found[name] = Secret(name=name, generated=generated, made=at)
    return tuple(sorted(found.values(), key=lambda secret: secret.name))


def _mounted(service: Answer) -> Iterator[tuple[str, str]]:
    container = service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}
    for each in container.get("Secrets") or ():
        yield (each.get("File") or {}).get("Name", ""), each.get("SecretID", "")


def _known(path: str) -> tuple[str, bool] | None:
    """Its name, and whether `pulumi up` has made it."""
    if path in GENERATED:
        return GENERATED[path], True
    if path == names.ALARM_WEBHOOK_SECRET:
        return "alarm_webhook", False
    if path.startswith(WORKFLOW_SECRETS):
        return path.removeprefix(WORKFLOW_SECRETS), False
    return None
