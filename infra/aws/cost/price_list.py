"""AWS's price list, asked for the few products that a stack is made of.

By the list's API: the file of EC2 in one region is too large for a preview.
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.aws import disks
from infra.aws.cost.burstable import family
from infra.aws.settings import AwsSettings

if TYPE_CHECKING:
    from infra.aws.cost.prices import Item

# Seconds. Nothing depends on the answer, so that a slow one is not waited for.
CONNECT_LIMIT, ANSWER_LIMIT = 2, 4
LIMITS = Config(connect_timeout=CONNECT_LIMIT, read_timeout=ANSWER_LIMIT, retries={"total_max_attempts": 1})
ASKED_IN = "us-east-1"  # where AWS serves the list of all its usual regions
PARTITION = "aws"  # others have lists, and currencies, of their own
PAGES = 3  # of 100 products; each question below has far fewer


class NotAnswered(Exception):
    """AWS's price list is not to be had; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    usd: Mapping[Item, float]
    date: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """Products of one service that have these attributes; ``items`` picks what they are the price of."""

    service: str
    attributes: Mapping[str, str]
    item: Callable[[Mapping[str, str]], Item | None]


def ask(chosen: AwsSettings) -> Answer:
    """USD by item. Raises NotAnswered."""
    try:
        session = chosen.access.session(ASKED_IN)
        if session.get_partition_for_region(chosen.region) != PARTITION:
            raise NotAnswered(f"AWS's price list in USD does not have {chosen.region}")
        client = chosen.access.client(session, "pricing", LIMITS)
    except BotoCoreError as problem:
        raise NotAnswered(f"AWS's price list was not asked: {problem}".rstrip(".")) from None
    questions = _questions(chosen)
    with ThreadPoolExecutor(len(questions)) as pool:
        answers = list(pool.map(lambda each: _answered(client, chosen.region, each), questions))
    return Answer(
        usd={item: price for answer in answers for item, price in answer.items()},
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def _questions(chosen: AwsSettings) -> list[Question]:
    instance = {
        "instanceType": chosen.instance_type,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "licenseModel": "No License required",
    }
    volume = {"productFamily": "Storage", "volumeApiName": disks.VOLUME_TYPE}
    found = [
        Question(service="AmazonEC2", attributes=instance, item=lambda _: "instance"),
        Question(service="AmazonEC2", attributes=volume, item=lambda _: "disk"),
        Question(
            service="AmazonEC2",
            attributes={"productFamily": "Storage Snapshot"},
            item=_by_usage({"EBS:SnapshotUsage": "snapshot"}),
        ),
        Question(
            service="AmazonEC2",
            attributes={"productFamily": "NAT Gateway"},
            item=_by_usage({"NatGateway-Hours": "nat", "NatGateway-Bytes": "nat_data"}),
        ),
        Question(service="AmazonVPC", attributes={}, item=_by_usage({"PublicIPv4:InUseAddress": "address"})),
        Question(service="AmazonEFS", attributes={}, item=_of_efs),
    ]
    if burstable := family(chosen.instance_type):
        usage: dict[str, Item] = {f"CPUCredits:{burstable}": "credit"}
        attributes = {"productFamily": "CPU Credits"}
        found.append(Question(service="AmazonEC2", attributes=attributes, item=_by_usage(usage)))
    return found


def _by_usage(usages: Mapping[str, Item]) -> Callable[[Mapping[str, str]], Item | None]:
    """By the usage type, which most regions begin with a name of their own: USW2-NatGateway-Hours."""
    return lambda attributes: usages.get(_usage(attributes))


def _usage(attributes: Mapping[str, str]) -> str:
    prefix, _, rest = attributes.get("usagetype", "").partition("-")
    return rest if prefix.isupper() and prefix.isalnum() and rest else attributes.get("usagetype", "")


def _of_efs(attributes: Mapping[str, str]) -> Item | None:
    kind = attributes.get("accessType")
    usages: dict[tuple[str, str | None], Item] = {
        ("TimedStorage-ByteHrs", None): "stored",
        ("IATimedStorage-ET-ByteHrs", None): "seldom",
        ("ETDataAccess-Bytes", "Read"): "read",
        ("ETDataAccess-Bytes", "Write"): "written",
    }
    usage = _usage(attributes)
    return usages.get((usage, kind if usage == "ETDataAccess-Bytes" else None))


def _answered(client: Any, region: str, question: Question) -> dict[Item, float]:
    """Raises NotAnswered."""
    wanted = {"regionCode": region, **question.attributes}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
    found: dict[Item, float] = {}
    try:
        pages = client.get_paginator("get_products").paginate(
            ServiceCode=question.service, Filters=filters, PaginationConfig={"MaxItems": 100 * PAGES}
        )
        for page in pages:
            for text in page["PriceList"]:
                product = json.loads(text)
                item, price = question.item(product["product"]["attributes"]), _price(product)
                # A rate of nothing is for what is within another price.
                if item and price:
                    found[item] = max(price, found.get(item, 0.0))
    except ClientError as problem:
        raise NotAnswered(f"AWS's price list says {problem.response['Error']['Code']}") from None
    except (BotoCoreError, ValueError, KeyError) as problem:
        raise NotAnswered(f"AWS's price list did not answer ({type(problem).__name__})") from None
    return found


def _price(product: Mapping[str, Any]) -> float | None:
    """The on-demand price of the first unit; the rate of a larger use may be lower."""
    rates = [
        (float(rate.get("beginRange") or 0), float(rate["pricePerUnit"]["USD"])) for rate in _rates(product)
    ]
    return min(rates)[1] if rates else None


def _rates(product: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        yield from term["priceDimensions"].values()
