"""What a stack costs per hour, estimated from list prices before anything is created."""

from __future__ import annotations

from infra.aws import disks
from infra.settings import Settings

PRICES_OF = "2025-06"
PRICES_IN = "us-east-1 and us-west-2"
# USD per hour of an instance on demand, Linux.
INSTANCE = {
    "c6i.xlarge": 0.17,
    "c6i.2xlarge": 0.34,
    "m5.large": 0.096,
    "m5.xlarge": 0.192,
    "m5.2xlarge": 0.384,
    "m5.4xlarge": 0.768,
    "m6i.large": 0.096,
    "m6i.xlarge": 0.192,
    "m6i.2xlarge": 0.384,
    "m6i.4xlarge": 0.768,
    "m7g.large": 0.0816,
    "m7g.xlarge": 0.1632,
    "m7g.2xlarge": 0.3264,
    "r6i.xlarge": 0.252,
    "r6i.2xlarge": 0.504,
    "t2.large": 0.0928,
    "t2.xlarge": 0.1856,
    "t2.2xlarge": 0.3712,
    "t3.large": 0.0832,
    "t3.xlarge": 0.1664,
    "t3.2xlarge": 0.3328,
    "t4g.large": 0.0672,
    "t4g.xlarge": 0.1344,
    "t4g.2xlarge": 0.2688,
}
DISK_MONTH = 0.08  # per GiB of gp3
SHARE_MONTH = 0.30  # per GiB that is stored on EFS
PUBLIC_ADDRESS = 0.005  # per hour
HOURS_OF_MONTH = 730


def estimate(settings: Settings) -> str:
    """One line for the preview. What depends on use is named, but not counted."""
    assert settings.aws
    nodes = settings.worker_nodes + 1
    disk = nodes * (disks.ROOT_SIZE + disks.DATA_SIZE) * DISK_MONTH / HOURS_OF_MONTH
    addresses = nodes * PUBLIC_ADDRESS
    kind = settings.aws.instance_type
    price = INSTANCE.get(kind)
    counted = f"disks {disk:.2f}, public addresses {addresses:.2f}"
    if price is None:
        total = f"at least {disk + addresses:.2f} USD per hour"
        instances = f"{nodes} x {kind} not counted: no list price of it here"
    else:
        spot = settings.aws.worker_spot
        total = f"{'at most' if spot else 'about'} {nodes * price + disk + addresses:.2f} USD per hour"
        instances = f"{nodes} x {kind} {nodes * price:.2f}"
        if spot:
            instances += ", less for spot workers"
    return (
        f"estimated cost: {total} ({instances}; {counted}; list prices of {PRICES_IN}, {PRICES_OF}). "
        f"Not counted: what is stored on EFS ({SHARE_MONTH:.2f} USD per GiB and month), traffic, taxes."
    )
