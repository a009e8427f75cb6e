"""The parameters of the API's routes. One that is unknown, or no number where one belongs, is refused."""

from typing import Annotated, Any

from fastapi import Header
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from runtime import names
from runtime.status_service.errors import Refused

MOST_ROWS = 1000
ROWS = 100


def _whole(value: Any, info: ValidationInfo) -> int:
    try:
        number = int(value)
    except ValueError:
        number = -1
    if not 0 <= number < 2**63:
        raise Refused(400, f"{info.field_name} is {value!r}: use a whole number")
    return number


def _limit(value: Any, info: ValidationInfo) -> int:
    limit = _whole(value, info)
    if not 1 <= limit <= MOST_ROWS:
        raise Refused(400, f"limit is {limit}: use 1 to {MOST_ROWS}")
    return limit


# Who does it, as the one who asks says; the token alone says that somebody may.
Who = Annotated[
    str, Header(alias=names.WHO_HEADER, max_length=200, description="Who does it, for the record")
]
SOMEBODY = "somebody with the token"

Whole = Annotated[int, BeforeValidator(_whole)]
Limit = Annotated[int, Field(ge=1, le=MOST_ROWS), BeforeValidator(_limit)]


class Parameters(BaseModel):
    """None, unless a subclass names some."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _are_known(cls, given: dict[str, Any]) -> dict[str, Any]:
        known = list(cls.model_fields)
        if unknown := sorted(set(given) - set(known)):
            hint = f"use {', '.join(known)}" if known else "there is none here"
            raise Refused(400, f"unknown parameter {unknown[0]!r}: {hint}")
        return given


class Rows(Parameters):
    limit: Limit = ROWS


class OfEvent(Parameters):
    event: str | None = Field(None, description="Needed where several events have a batch of this name")


class OfJobs(Rows):
    before: Whole | None = Field(None, description="number of the last job of the page before")
    event: str | None = None
    batch: str | None = None
    state: str | None = None
    node: str | None = None
    job: str | None = None
    reason: str | None = None


class OfReasons(Parameters):
    event: str | None = None
    batch: str | None = None
    limit: Limit = ROWS


class After(Parameters):
    after: Whole = 0


class Offset(Parameters):
    offset: Whole = 0


class OfChanges(Rows):
    before: Whole | None = Field(None, description="number of the last change of the page before")
    kind: str | None = None
    event: str | None = None
    batch: str | None = None


class DryRun(Parameters):
    dry_run: bool = Field(False, description="Only tell what it would do")


class OfBatchToCancel(OfEvent, DryRun):
    pass


class Until(Parameters):
    until: Whole | None = Field(None, description="Unix seconds; needed")
