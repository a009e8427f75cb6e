"""What a run came to: the one record that worker, ledger and announcements share.

The ledger adds when and where it was (runtime/records/ledger.py), an announcement adds whose it is
(runtime/messaging/announcements.py).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Result = Literal["succeeded", "failed", "interrupted", "superseded", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Product:
    """A product in the catalogue; ``archived`` are the paths of its files in the archive."""

    id: str
    name: str
    type: str
    archived: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run came to.

    failed: the job's own doing. It counts as an attempt, and is ``final`` if another attempt would fail too.
    interrupted: the Workflow Manager's or the node's doing.
    superseded: a later entry in the ledger ended the run: the job's cancellation, or another worker's run.
    cancelled: somebody ended the job.

    ``log`` is the last of what the task that failed has written.
    """

    result: Result
    reason: str | None = None
    log: str | None = None
    products: tuple[Product, ...] = ()
    final: bool = False


def to_fields(outcome: Outcome | None) -> dict[str, Any]:
    """What ledger and announcements say of an outcome, in JSON; ``None`` is that of a run that goes on."""
    return {
        "reason": outcome.reason if outcome else None,
        "log": outcome.log if outcome else None,
        "products": [asdict(product) for product in outcome.products] if outcome else [],
    }


def from_fields(result: Result, fields: Mapping[str, Any]) -> Outcome:
    """The outcome that these fields tell of; raises TypeError, LookupError for what is none."""
    return Outcome(
        result=result,
        reason=fields.get("reason"),
        log=fields.get("log"),
        products=tuple(_product(each) for each in fields.get("products", ())),
    )


def _product(fields: Mapping[str, Any]) -> Product:
    return Product(
        id=fields["id"], name=fields["name"], type=fields["type"], archived=tuple(fields["archived"])
    )
