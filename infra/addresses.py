"""The addresses of the swarm's own networks, chosen so that they meet no network that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from infra.values import ConfigurationError

KEY = "overlay_pool"
POOL_PREFIX = 18  # of a pool that nobody has named: room for the parts
PART_PREFIX = 20
SUMMARY_PREFIX = 16  # what is larger than this is no network with machines in it, but a route to several
# Each is searched from its end: networks are usually given out from the start. In the last two docker looks
# for room for bridges.
BLOCKS = tuple(map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")))


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """A network of /18 or more, whose first parts of /20 are the ranges of the swarm's networks."""

    pool: IPv4Network

    @property
    def overlay(self) -> IPv4Network:
        """For the containers of all services: 4,094 addresses.

        Docker advises /24, because of the rules that each load balancer has in each network; with `dnsrr`,
        which all services have, there are none (said by a maintainer in issue 30820 of moby/moby).
        """
        return self._part(0)

    @property
    def swarm(self) -> IPv4Network:
        """For docker's own overlay networks, such as ingress, and those that users make in the swarm."""
        return self._part(1)

    @property
    def bridges(self) -> IPv4Network:
        """For the bridges within each node: docker0 and docker_gwbridge."""
        return self._part(2)

    def _part(self, number: int) -> IPv4Network:
        size = 2 ** (32 - PART_PREFIX)
        return IPv4Network((int(self.pool.network_address) + number * size, PART_PREFIX))


def choose(wanted: IPv4Network | None, taken: Mapping[IPv4Network, str]) -> Addresses:
    """Choose a pool apart from all that is taken, or take the operator's.

    ``taken`` says of each network what it is.

    A summary, as a route to all of 10.0.0.0/8 is one, does not say that all of it is in use: the operator may
    name a part of it. Raises ConfigurationError where what he names meets a network, or nothing is left.
    """
    if wanted is None:
        free = _free(taken)
        if free is None:
            raise ConfigurationError(
                KEY,
                "",
                f"no private network of /{POOL_PREFIX} is apart from all that are known; name one of which "
                "you know that nothing is there.",
                _line(_unused(taken)),
            )
        return Addresses(pool=free)
    if met := _met(wanted, _without_summaries(taken)):
        raise ConfigurationError(
            KEY,
            str(wanted),
            f"it meets {met}, {taken[met]}, which containers would not reach.",
            _line(_unused(taken)),
        )
    return Addresses(pool=wanted)


def _unused(taken: Mapping[IPv4Network, str]) -> IPv4Network | None:
    return _free(taken) or _free(_without_summaries(taken))


def _free(taken: Mapping[IPv4Network, str]) -> IPv4Network | None:
    return next((pool for pool in _pools() if not _met(pool, taken)), None)


def _line(pool: IPv4Network | None) -> str:
    return f"pulumi config set {KEY} {pool or 'NETWORK'}"


def _without_summaries(taken: Mapping[IPv4Network, str]) -> dict[IPv4Network, str]:
    return {network: whose for network, whose in taken.items() if network.prefixlen >= SUMMARY_PREFIX}


def _pools() -> Iterator[IPv4Network]:
    size = 2 ** (32 - POOL_PREFIX)
    for block in BLOCKS:
        for start in range(int(block.broadcast_address) + 1 - size, int(block.network_address) - 1, -size):
            yield IPv4Network((start, POOL_PREFIX))


def _met(pool: IPv4Network, taken: Mapping[IPv4Network, str]) -> IPv4Network | None:
    return next((network for network in taken if network.overlaps(pool)), None)
