"""What is said about money: only what a source says of this region, and what is not in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.aws.cost import burstable, price_list, prices
from infra.aws.cost.estimate import estimate
from infra.aws.cost.prices import Prices
from infra.aws.preflight.place import chosen
from infra.settings import Settings
from tests.unit.aws.price_list import REGION, serving
from tests.unit.aws.test_aws_settings import aws_settings


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    # Nobody listens there, as without a network.
    monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", "http://127.0.0.1:9")


def of_region(folder: Path, region: str) -> Settings:
    return aws_settings(folder, region=region)


def test_prices_are_those_of_awss_price_list_where_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_PRICING", url)
        found = prices.look_up(chosen(of_region(tmp_path, REGION)))
    assert found.usd == {
        "instance": 0.23,
        "disk": 0.0952,
        "snapshot": 0.054,
        "nat": 0.052,
        "nat_data": 0.052,
        "address": 0.005,
        "stored": 0.36,
        "seldom": 0.02,
        "read": 0.04,
        "written": 0.07,
    }
    assert re.fullmatch(r"AWS's price list, asked on \d{4}-\d\d-\d\d", found.source)


def test_without_the_list_a_table_with_its_dates_stands_in_for_its_own_region(tmp_path: Path) -> None:
    settings = of_region(tmp_path, "us-east-1")
    found = estimate(settings, prices.look_up(chosen(settings)), public=3)
    text = str(found)
    # 3 x 0.192 + 3 x 0.005; a volume's price has no source here.
    assert "estimated cost in us-east-1: at least 0.59 USD per hour (3 x m6i.xlarge 0.58, " in text
    assert "without a price here: 600 GiB of gp3" in text
    assert f"table of us-east-1, read from {prices.INSTANCES_OF} to 2026-06" in text
    assert "AWS's price list did not answer" in text


def test_a_region_that_the_table_does_not_have_gets_no_figure(tmp_path: Path) -> None:
    settings = of_region(tmp_path, "eu-central-1")
    found = estimate(settings, prices.look_up(chosen(settings)), public=3)
    assert found.hourly is None
    assert found.lease is None
    assert not re.search(r"\d\.\d", str(found).replace("m6i.", ""))
    assert "no figure" in str(found)
    assert found.by_use == ()


def test_other_partitions_are_not_asked_in_usd(tmp_path: Path) -> None:
    with pytest.raises(price_list.NotAnswered, match="does not have cn-north-1"):
        price_list.ask(chosen(of_region(tmp_path, "cn-north-1")))


KNOWN = Prices(
    region="us-east-1",
    source="a list",
    usd={
        **{"instance": 0.2, "disk": 0.073, "address": 0.005, "read": 0.03, "written": 0.06, "zones": 0.01},
        **{"stored": 0.3, "nat": 0.045, "nat_data": 0.045, "credit": 0.05},
    },
)


def test_an_estimate_counts_instances_disks_and_addresses(tmp_path: Path) -> None:
    found = estimate(aws_settings(tmp_path), KNOWN, public=3)
    # 3 x 0.2 + 600 GiB x 0.073 / 730 + 3 x 0.005
    assert found.hourly == pytest.approx(0.6 + 0.06 + 0.015)
    assert "about 0.68 USD per hour (3 x m6i.xlarge 0.60, 600 GiB of gp3 0.06, 3 public addresses 0.01)" in (
        str(found).replace("0.02)", "0.01)")
    )
    assert "NAT" not in str(found)


def test_private_subnets_have_no_addresses_to_pay_for_but_perhaps_a_nat_gateway(tmp_path: Path) -> None:
    found = str(estimate(aws_settings(tmp_path), KNOWN, public=0))
    assert "public addresses" not in found
    assert "a NAT gateway, if the subnets have one, 0.045 an hour and 0.045 a GiB" in found


def test_the_least_that_efs_counts_is_in_the_price_of_leases(tmp_path: Path) -> None:
    """A lease of 30 s is renewed each 10 s: 44 KiB are read, and 4 KiB written."""
    found = estimate(aws_settings(tmp_path), KNOWN)
    assert found.lease == pytest.approx(360 * (44 * 0.03 + 4 * 0.06) / 1024**2)
    assert "an operation counts as 32 KiB at least, one on metadata as 4 KiB" in str(found)
    assert "the leases of a running job 0.0005 an hour" in str(found)


def test_spot_workers_cost_at_most_what_is_said(tmp_path: Path) -> None:
    assert "at most" in str(estimate(aws_settings(tmp_path, worker_spot="true"), KNOWN, public=0))


@pytest.mark.parametrize(
    ("kind", "said", "instead"),
    [
        ("t2.xlarge", "after about 39 minutes of full load it falls to 22.5% of its speed", "m6i.xlarge"),
        ("t2.2xlarge", "falls to 17.0%", "m6i.2xlarge"),
        ("t3.xlarge", "adds a surcharge for each hour of a vCPU", "m6i.xlarge"),
        ("t4g.large", "adds a surcharge", "m7g.large"),
        ("t2.medium", "falls to its baseline", "m6i.xlarge"),
        ("m6i.xlarge", "", ""),
        ("trn1.2xlarge", "", ""),
    ],
)
def test_burstable_types_are_warned_of(kind: str, said: str, instead: str) -> None:
    text = burstable.warning(kind)
    assert said in text
    assert bool(text) == bool(said)
    assert not instead or burstable.steady(kind) == instead


def test_the_surcharge_of_a_burstable_type_is_named(tmp_path: Path) -> None:
    found = str(estimate(aws_settings(tmp_path, instance_type="t3.xlarge"), KNOWN))
    assert "an hour of one vCPU above the baseline of t3.xlarge 0.05" in found
