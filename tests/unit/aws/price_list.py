"""A stand-in of AWS's price list: records as it gives them, for a few products of two regions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

# (service, attributes, USD of the first unit)
PRODUCTS: tuple[tuple[str, dict[str, str], str], ...] = (
    (
        "AmazonEC2",
        {
            "instanceType": "m6i.xlarge",
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
            "licenseModel": "No License required",
            "usagetype": "EUC1-BoxUsage:m6i.xlarge",
        },
        "0.2300000000",
    ),
    ("AmazonEC2", {"volumeApiName": "gp3", "usagetype": "EUC1-EBS:VolumeUsage.gp3"}, "0.0952000000"),
    ("AmazonEC2", {"usagetype": "EUC1-EBS:SnapshotUsage"}, "0.0540000000"),
    ("AmazonEC2", {"usagetype": "EUC1-EBS:SnapshotArchiveStorage"}, "0.0135000000"),
    ("AmazonEC2", {"usagetype": "EUC1-NatGateway-Hours"}, "0.0520000000"),
    ("AmazonEC2", {"usagetype": "EUC1-NatGateway-Bytes"}, "0.0520000000"),
    ("AmazonVPC", {"usagetype": "EUC1-PublicIPv4:InUseAddress"}, "0.0050000000"),
    ("AmazonVPC", {"usagetype": "EUC1-PublicIPv4:IdleAddress"}, "0.0060000000"),
    ("AmazonEFS", {"usagetype": "EUC1-TimedStorage-ByteHrs"}, "0.3600000000"),
    ("AmazonEFS", {"usagetype": "EUC1-TimedStorage-Z-ByteHrs"}, "0.1920000000"),
    ("AmazonEFS", {"usagetype": "EUC1-IATimedStorage-ET-ByteHrs"}, "0.0200000000"),
    ("AmazonEFS", {"usagetype": "EUC1-ETDataAccess-Bytes", "accessType": "Read"}, "0.0400000000"),
    ("AmazonEFS", {"usagetype": "EUC1-ETDataAccess-Bytes", "accessType": "Write"}, "0.0700000000"),
)
FAMILIES = {
    "EBS:VolumeUsage": "Storage",
    "EBS:Snapshot": "Storage Snapshot",
    "NatGateway": "NAT Gateway",
}
REGION = "eu-central-1"


@contextmanager
def serving() -> Iterator[str]:
    """The URL of the list, for AWS_ENDPOINT_URL_PRICING."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps({"FormatVersion": "aws_v1", "PriceList": list(_records(asked))}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _records(asked: dict[str, Any]) -> Iterator[str]:
    wanted = {each["Field"]: each["Value"] for each in asked["Filters"]}
    for service, attributes, usd in PRODUCTS:
        family = next((name for part, name in FAMILIES.items() if part in attributes["usagetype"]), "")
        known = {**attributes, "regionCode": REGION, "productFamily": family}
        if service == asked["ServiceCode"] and wanted.items() <= known.items():
            yield record(known, usd)


def record(attributes: dict[str, str], usd: str) -> str:
    """One product; its price falls with what is used of it."""
    tiers = {
        "A.B.1": {"beginRange": "0", "endRange": "100", "pricePerUnit": {"USD": usd}},
        "A.B.2": {"beginRange": "100", "endRange": "Inf", "pricePerUnit": {"USD": "0.0001000000"}},
    }
    return json.dumps(
        {
            "product": {"productFamily": attributes["productFamily"], "attributes": attributes, "sku": "A"},
            "serviceCode": "x",
            "terms": {"OnDemand": {"A.B": {"priceDimensions": tiers}}},
        }
    )
