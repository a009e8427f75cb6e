"""What a resource type's properties are, and from that: checked inputs, planned state and differences.

The rules are those of Terraform's SDK, which the vendor's plugin is built on: a property that is not given
keeps the value that docker chose if it is ``computed``, takes its default if it has one, and else counts as
zero or empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from .values import UNKNOWN, Properties


class Kind(Enum):
    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    MAP = "map"
    LIST = "list"
    SET = "set"
    BLOCK = "block"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One property."""

    kind: Kind
    of: Field | None = None  # element of a list or set
    fields: Mapping[str, Field] | None = None  # of a block
    required: bool = False
    computed: bool = False  # docker chooses a value where none is given
    replaces: bool = False  # a change needs a new resource
    default: Any = None
    allowed: str = ""  # regular expression
    sensitive: bool = False  # never shown
    same: Callable[[Any, Any], bool] | None = None  # old and new that differ only in how they are written


Fields = Mapping[str, Field]

text = partial(Field, kind=Kind.TEXT)
number = partial(Field, kind=Kind.NUMBER)
flag = partial(Field, kind=Kind.FLAG)
mapping = partial(Field, kind=Kind.MAP)
output = partial(Field, kind=Kind.TEXT, computed=True)


def listing(of: Field | None = None, **options: Any) -> Field:
    return Field(kind=Kind.LIST, of=of or text(), **options)


def unordered(of: Field | None = None, **options: Any) -> Field:
    return Field(kind=Kind.SET, of=of or text(), **options)


def block(fields: Fields, **options: Any) -> Field:
    return Field(kind=Kind.BLOCK, fields=fields, **options)


def labels(*, replaces: bool, computed: bool = False) -> Field:
    pair = block(
        {"label": text(required=True, replaces=replaces), "value": text(required=True, replaces=replaces)}
    )
    return unordered(pair, replaces=replaces, computed=computed)


def with_defaults(fields: Fields, given: Properties) -> Properties:
    """The given properties and the defaults of those that are not given, at every depth."""
    result = dict(given)
    for name, field in fields.items():
        if name in given:
            result[name] = _defaults_within(field, given[name])
        elif field.default is not None:
            result[name] = field.default
    return result


def _defaults_within(field: Field, value: Any) -> Any:
    if field.fields is not None and isinstance(value, dict):
        return with_defaults(field.fields, value)
    if field.of is not None and isinstance(value, list):
        return [_defaults_within(field.of, item) for item in value]
    return value


def problems(fields: Fields, given: Properties, at: str = "") -> Iterator[tuple[str, str]]:
    """Path and reason for each property that is missing, unknown here or not allowed."""
    for name in given.keys() - fields.keys():
        yield f"{at}{name}", "this property is not carried by the project's substitute of pulumi-docker"
    for name, field in fields.items():
        if name in given:
            yield from _problems_within(field, given[name], f"{at}{name}")
        elif field.required:
            yield f"{at}{name}", "a value is required"


def _problems_within(field: Field, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if value == UNKNOWN:
        return
    if field.fields is not None:
        yield from problems(field.fields, value, f"{path}.")
    elif field.of is not None:
        for index, item in enumerate(value):
            yield from _problems_within(field.of, item, f"{path}[{index}]")
    elif field.allowed and not re.search(field.allowed, str(value)):
        yield path, f"{'the value' if field.sensitive else repr(value)} does not match {field.allowed}"


def planned(fields: Fields, state: Properties, inputs: Properties) -> Properties:
    """The state after the inputs are applied: what is given, and what docker chose for the rest."""
    result: Properties = {}
    for name, field in fields.items():
        value = _planned_within(field, state.get(name), inputs.get(name))
        if value is not None:
            result[name] = value
    return result


def _planned_within(field: Field, old: Any, new: Any) -> Any:
    if new is None:
        return old if field.computed else None
    if field.fields is not None and isinstance(new, dict) and isinstance(old, dict):
        return planned(field.fields, old, new)
    if field.kind is Kind.LIST and (element := _block_of(field)) and isinstance(old, list) and new != UNKNOWN:
        padded = old + [None] * len(new)
        return [_planned_within(element, before, item) for before, item in zip(padded, new, strict=False)]
    return new


def applied(fields: Fields, wanted: Properties, found: Properties) -> Properties:
    """The state right after a change: what docker reports, but sets as they were wanted.

    Terraform's SDK does the same. What docker drops from a set (``systempaths=unconfined``) or adds to one
    (the platforms of an image) shows only after a refresh.
    """
    return {name: _applied_within(field, wanted.get(name), found.get(name)) for name, field in fields.items()}


def _applied_within(field: Field, wanted: Any, found: Any) -> Any:
    if field.kind is Kind.SET and (wanted is not None or (_block_of(field) and not field.computed)):
        return wanted or []
    if field.fields is not None and isinstance(wanted, dict) and isinstance(found, dict):
        return applied(field.fields, wanted, found)
    return found


def _block_of(field: Field) -> Field | None:
    """The element of a list or set of blocks."""
    return field.of if field.of is not None and field.of.fields is not None else None


def unknown_outputs(fields: Fields, inputs: Properties) -> Properties:
    """The state that a preview of a creation shows: the inputs, and UNKNOWN where docker will choose."""
    return {**{name: UNKNOWN for name, field in fields.items() if field.computed}, **inputs}


class Verb(Enum):
    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True)
class Change:
    path: str
    verb: Verb
    replaces: bool

    @property
    def property(self) -> str:
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]

    def is_within(self, paths: Iterable[str]) -> bool:
        return any(self.path == path or self.path.startswith((f"{path}.", f"{path}[")) for path in paths)


def changes(fields: Fields, state: Properties, inputs: Properties, at: str = "") -> Iterator[Change]:
    """How the planned state would differ from the state."""
    for name, field in fields.items():
        yield from _changes_within(field, f"{at}{name}", state.get(name), inputs.get(name))


def _changes_within(field: Field, path: str, old: Any, new: Any) -> Iterator[Change]:
    if new is None:
        if not field.computed and not _is_zero(old):
            yield Change(path=path, verb=Verb.DELETE, replaces=_replaces(field, old))
    elif old is None:
        if new not in ("", [], {}):
            yield Change(path=path, verb=Verb.ADD, replaces=_replaces(field, new))
    elif new == UNKNOWN:
        yield Change(path=path, verb=Verb.UPDATE, replaces=_replaces(field, new))
    elif field.fields is not None:
        yield from changes(field.fields, old, new, f"{path}.")
    elif field.kind is Kind.LIST and (element := _block_of(field)):
        longest = max(len(old), len(new))
        for index, (before, after) in enumerate(
            zip(_padded(old, longest), _padded(new, longest), strict=True)
        ):
            for change in _changes_within(element, f"{path}[{index}]", before, after):
                resized = change.verb is not Verb.UPDATE and field.replaces
                yield Change(path=change.path, verb=change.verb, replaces=change.replaces or resized)
    elif _differ(field, old, new):
        yield Change(path=path, verb=Verb.UPDATE, replaces=_replaces(field, new))


def _padded(items: list[Any], length: int) -> list[Any]:
    return items + [None] * (length - len(items))


def _differ(field: Field, old: Any, new: Any) -> bool:
    if field.same and field.same(old, new):
        return False
    return bool(canonical(field, old) != canonical(field, new))


def _replaces(field: Field, value: Any) -> bool:
    """Whether adding, dropping or changing the value as a whole needs a new resource."""
    if field.replaces:
        return True
    if field.fields is not None and isinstance(value, dict):
        return any(_replaces(nested, value[name]) for name, nested in field.fields.items() if name in value)
    if field.of is not None and isinstance(value, list):
        return field.of.replaces or any(_replaces(field.of, item) for item in value)
    return False


def _is_zero(value: Any) -> bool:
    return bool(value in (None, "", 0, False, [], {}))


def canonical(field: Field, value: Any) -> Any:
    """A form in which equal values are equal: sets in order, nothing that counts as not given."""
    if field.fields is not None and isinstance(value, dict):
        entries = ((name, canonical(nested, value.get(name))) for name, nested in field.fields.items())
        return (
            Kind.BLOCK,
            *((name, item) for name, item in entries if item not in ("", "0", False, None, ())),
        )
    if field.of is not None and isinstance(value, list):
        items = [canonical(field.of, item) for item in value]
        return tuple(sorted(items, key=repr)) if field.kind is Kind.SET else tuple(items)
    if field.kind is Kind.MAP and isinstance(value, dict):
        return tuple(sorted((name, str(item)) for name, item in value.items()))
    return value if isinstance(value, bool) or value is None else str(value)
