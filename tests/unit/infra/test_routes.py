"""What a Linux machine's routing tables say of the networks that it reaches."""

from __future__ import annotations

from infra import routes

# A machine in 10.0.1.0/24 with a second address, a VPN with the default route in halves, and another table.
TABLE = """\
Main:
  +-- 0.0.0.0/0 3 0 4
     |-- 0.0.0.0
        /0 universe UNICAST
        /1 universe UNICAST
     +-- 10.0.0.0/8 2 0 2
        |-- 10.0.1.0
           /24 link UNICAST
        |-- 10.0.1.7
           /32 host LOCAL
        |-- 10.0.1.255
           /32 link BROADCAST
     |-- 127.0.0.0
        /8 host LOCAL
     |-- 128.0.0.0
        /1 universe UNICAST
Id 52:
  +-- 100.100.0.0/16 2 0 2
     |-- 100.100.0.0
        /16 universe UNICAST
        /24 universe UNICAST
Local:
  |-- 10.0.1.7
     /32 host LOCAL
  |-- 192.0.2.9
     /32 host LOCAL
"""


def test_networks_are_those_of_all_tables_and_of_the_machines_addresses() -> None:
    expected = ["10.0.1.0/24", "10.0.1.7/32", "100.100.0.0/16", "100.100.0.0/24", "192.0.2.9/32"]
    assert [str(network) for network in routes.networks(TABLE)] == expected


def test_this_machines_own_are_read() -> None:
    assert routes.TABLE.exists() == bool(routes.own())
