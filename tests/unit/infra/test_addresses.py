"""The choice of the addresses of the swarm's own networks."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from infra.addresses import Addresses, choose
from infra.values import ConfigurationError

EVERYTHING_PRIVATE = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")


def taken(*networks: str) -> dict[IPv4Network, str]:
    return {IPv4Network(network): f"network {number}" for number, network in enumerate(networks, 1)}


@pytest.mark.parametrize(
    "known",
    [
        (),
        ("10.0.1.0/24",),
        ("10.0.0.0/8",),
        ("10.255.0.0/16", "10.254.7.9/32"),
        ("10.0.0.0/8", "100.64.0.0/10", "172.31.0.0/16"),
        ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12"),
    ],
)
def test_the_parts_are_private_and_meet_neither_each_other_nor_what_is_known(known: tuple[str, ...]) -> None:
    chosen = choose(None, taken(*known))
    parts = [chosen.overlay, chosen.swarm, chosen.bridges]
    for part in parts:
        assert part.subnet_of(chosen.pool)
        assert any(part.subnet_of(IPv4Network(block)) for block in EVERYTHING_PRIVATE)
        assert not any(part.overlaps(IPv4Network(network)) for network in known)
        assert [other for other in parts if other.overlaps(part)] == [part]


def test_five_hundred_workflow_managers_fit_twice() -> None:
    assert choose(None, {}).overlay.num_addresses > 2 * 500 + 50


def test_the_choice_is_the_same_each_time_and_whatever_elsewhere_comes_to_be_known() -> None:
    assert choose(None, taken("10.0.1.0/24")) == choose(None, taken("172.31.0.0/16", "192.168.1.0/24"))


@pytest.mark.parametrize("pool", ["10.200.0.0/16", "10.200.64.0/18", "172.20.0.0/14"])
def test_the_pool_that_the_operator_names_is_taken(pool: str) -> None:
    assert choose(IPv4Network(pool), taken("10.0.1.0/24")) == Addresses(pool=IPv4Network(pool))


def test_a_pool_that_meets_a_network_is_refused_with_key_value_and_one_that_does_not() -> None:
    with pytest.raises(ConfigurationError) as caught:
        choose(IPv4Network("10.200.0.0/16"), taken("10.0.1.0/24", "10.200.3.0/24"))
    message = str(caught.value)
    assert message.startswith("overlay_pool is '10.200.0.0/16': it meets 10.200.3.0/24, network 2")
    assert "fix: pulumi config set overlay_pool 10.255.192.0/18" in message


def test_where_everything_is_routed_somewhere_the_operator_names_what_is_unused() -> None:
    known = taken(*EVERYTHING_PRIVATE, "10.255.192.0/24")
    with pytest.raises(ConfigurationError, match="overlay_pool is ''") as caught:
        choose(None, known)
    assert "fix: pulumi config set overlay_pool 10.255.128.0/18" in str(caught.value)
    assert choose(IPv4Network("10.255.128.0/18"), known).pool == IPv4Network("10.255.128.0/18")
