"""What a stack costs an hour, and what is added by use; what has no price here is said, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.aws import disks
from infra.aws.cost.burstable import STANDARD, family
from infra.aws.cost.prices import Item, Prices
from infra.settings import Settings
from runtime.names import DEFAULT_LEASE_SECONDS

HOURS_OF_MONTH = 730
KIB_OF_GIB = 1 << 20
# KiB as which EFS counts a smaller operation, on data and on metadata.
# https://docs.aws.amazon.com/efs/latest/ug/metered-sizes.html
LEAST_DATA, LEAST_METADATA = 32, 4
# A renewal of a lease lists the job's folder, opens and reads its last entry, and sets the entry's time.
RENEWAL_READ = LEAST_DATA + 3 * LEAST_METADATA
RENEWAL_WRITTEN = LEAST_METADATA
RENEWALS_OF_HOUR = 3600 / (DEFAULT_LEASE_SECONDS / 3)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something that costs as long as the stack is there; ``usd`` an hour, None without a price."""

    what: str
    usd: float | None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """``by_use`` and ``left_out`` are sentences' parts; ``lease`` is USD an hour of a running job."""

    region: str
    source: str
    spot: bool
    parts: tuple[Part, ...]
    by_use: tuple[str, ...]
    left_out: tuple[str, ...]
    lease: float | None

    @property
    def hourly(self) -> float | None:
        """The sum of what has a price; None if the instances have none, which cost most."""
        if self.parts[0].usd is None:
            return None
        return sum(part.usd or 0.0 for part in self.parts)

    @property
    def unknown(self) -> list[str]:
        return [part.what for part in self.parts if part.usd is None]

    def __str__(self) -> str:
        counted = ", ".join(f"{part.what} {part.usd:.2f}" for part in self.parts if part.usd is not None)
        if self.hourly is None:
            total = "no figure" + (f" ({counted} USD per hour)" if counted else "")
        else:
            bound = "at least" if self.unknown else "at most" if self.spot else "about"
            total = f"{bound} {self.hourly:.2f} USD per hour ({counted})"
        lines = [f"estimated cost in {self.region}: {total}"]
        if self.unknown:
            lines.append(f"without a price here: {', '.join(self.unknown)}")
        lines.append(f"prices: {self.source}")
        if self.by_use:
            lines.append(f"added by use, in USD: {'; '.join(self.by_use)}")
        lines.append(f"not in it: {', '.join(self.left_out)}")
        return "\n  ".join(lines)

    def as_json(self) -> dict[str, Any]:
        return {
            "region": self.region,
            "source": self.source,
            "hourly": self.hourly,
            "unknown": self.unknown,
            "spot": self.spot,
            "lease_hour": self.lease,
            "by_use": list(self.by_use),
            "left_out": list(self.left_out),
            "text": str(self),
        }


def estimate(settings: Settings, prices: Prices, public: int | None = None) -> Estimate:
    """``public`` is the number of nodes with public addresses, None where that is not known."""
    assert settings.aws
    kind, usd = settings.aws.instance_type, prices.usd
    nodes = settings.worker_nodes + 1
    size = nodes * (disks.ROOT_SIZE + disks.DATA_SIZE)
    parts = [
        _part(prices, f"{nodes} x {kind}", "instance", nodes),
        _part(prices, f"{size} GiB of {disks.VOLUME_TYPE}", "disk", size / HOURS_OF_MONTH),
    ]
    if public:
        parts.append(_part(prices, f"{public} public addresses", "address", public))
    left_out = ["traffic to the internet", "taxes", "discounts"]
    if public is None:
        left_out.append("public addresses, if the subnets give any")
    lease = None
    if "read" in usd and "written" in usd:
        renewal = RENEWAL_READ * usd["read"] + RENEWAL_WRITTEN * usd["written"]
        lease = RENEWALS_OF_HOUR * renewal / KIB_OF_GIB
    return Estimate(
        region=prices.region,
        source=prices.source,
        spot=settings.aws.worker_spot,
        parts=tuple(parts),
        by_use=tuple(_by_use(settings, prices, nodes=nodes, public=public, lease=lease)),
        left_out=tuple(left_out),
        lease=lease,
    )


def _part(prices: Prices, what: str, item: Item, number: float) -> Part:
    usd = prices.usd.get(item)
    return Part(what=what, usd=None if usd is None else number * usd)


def _by_use(
    settings: Settings, prices: Prices, *, nodes: int, public: int | None, lease: float | None
) -> Iterator[str]:
    """What no hour has by itself; where some prices are known, the others are named without a figure."""
    assert settings.aws
    if not prices.usd:
        return

    def priced(item: Item) -> str:
        found = prices.usd.get(item)
        return "(no price here)" if found is None else f"{found:.4f}".rstrip("0").ljust(4, "0")

    yield f"a GiB stored on EFS {priced('stored')} a month, after 30 days unread {priced('seldom')}"
    yield (
        f"a GiB read from EFS {priced('read')}, written {priced('written')}, where an operation counts as "
        f"{LEAST_DATA} KiB at least, one on metadata as {LEAST_METADATA} KiB"
    )
    if lease is not None:
        yield f"of that the leases of a running job {lease:.4f} an hour"
    yield f"a GiB from one zone to another {priced('zones')} each way"
    if public != nodes:
        yield (
            f"a NAT gateway, if the subnets have one, {priced('nat')} an hour and {priced('nat_data')} a GiB"
        )
    yield f"a GiB of a volume's snapshot, if you make any, {priced('snapshot')} a month"
    if (burstable := family(settings.aws.instance_type)) and burstable not in STANDARD:
        yield f"an hour of one vCPU above the baseline of {settings.aws.instance_type} {priced('credit')}"
