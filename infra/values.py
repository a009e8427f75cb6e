"""Typed values from the texts of a configuration; an error says what to type instead."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, TypeVar

T = TypeVar("T", bound=str)
E = TypeVar("E")

# This network, loopback, link-local; multicast and what is reserved.
NO_HOSTS = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")))


class ConfigurationError(ValueError):
    """A setting that cannot be used; the message says which key, which value and what to type instead."""

    def __init__(self, key: str, value: object, problem: str, fix: str) -> None:
        super().__init__(f"{key} is {value!r}: {problem}\n  fix: {fix}")
        self.key = key
        self.value = value
        self.problem = problem
        self.fix = fix


class Values:
    """Texts by key, read as typed values."""

    def __init__(self, values: Mapping[str, Any], hidden: Collection[str] = ()) -> None:
        """No error shows the values of the keys ``hidden``."""
        self._values = values
        self._hidden = hidden

    def error(self, key: str, problem: str, example: object, fix: str = "") -> ConfigurationError:
        """``example`` is what to set the key to, unless ``fix`` says what else is to be done."""
        return ConfigurationError(self._path(key), self._shown(key), problem, fix or self._fix(key, example))

    def _shown(self, key: str) -> object:
        return "[hidden]" if key in self._hidden else self._values.get(key)

    def _path(self, key: str) -> str:
        return key

    def _fix(self, key: str, example: object) -> str:
        return f"pulumi config set {shlex.quote(key)} {shlex.quote(str(example))}"

    def _removal(self, key: str) -> str:
        return f"pulumi config rm {shlex.quote(key)}"

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        for key in sorted(set(self._values) - set(known)):
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the known keys are {', '.join(known)}."
            raise ConfigurationError(
                self._path(key), self._shown(key), f"there is no such key; {hint}", self._removal(key)
            )

    def text(self, key: str, example: object) -> str:
        value = self._values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, "it must be a text that is not empty.", example)
        return value.strip()

    def matching(self, key: str, pattern: str, what: str, example: str) -> str:
        """The text if all of it matches ``pattern``; ``what`` says in an error what it must be."""
        value = str(self._values.get(key) or "").strip()
        if not re.fullmatch(pattern, value):
            raise self.error(key, f"it must be {what}.", example)
        return value

    def integer(self, key: str, least: int, most: int, *, default: int | None = None) -> int:
        """A whole number in this range; ``default`` if the key is empty and may be."""
        value = self._values.get(key)
        if default is not None and not str(value or "").strip():
            return default
        try:
            number = int(str(value))
        except ValueError:
            number = least - 1
        if isinstance(value, bool) or not least <= number <= most:
            raise self.error(key, f"it must be a whole number from {least} to {most}.", least)
        return number

    def decimal(self, key: str, least: float, most: float, *, default: float) -> float:
        """A number in this range; ``default`` if the key is empty."""
        value = str(self._values.get(key) or "").strip()
        if not value:
            return default
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value) or not least <= float(value) <= most:
            raise self.error(key, f"it must be a number from {least:g} to {most:g}.", least)
        return float(value)

    def choice(self, key: str, choices: tuple[T, ...]) -> T:
        value = self._values.get(key)
        for choice in choices:
            if value == choice:
                return choice
        raise self.error(key, f"it must be {' or '.join(choices)}.", choices[0])

    def is_empty(self, key: str) -> bool:
        return not str(self._values.get(key) or "").strip()

    def network(self, key: str, shortest_prefix: int, longest_prefix: int, example: str) -> IPv4Network:
        try:
            network = IPv4Network(str(self._values.get(key)))
        except ValueError as problem:
            raise self.error(key, f"it is not an IPv4 network ({problem}).", example) from None
        if network.prefixlen > longest_prefix:
            raise self.error(
                key, f"it has too few addresses; /{longest_prefix} or shorter is needed.", example
            )
        if network.prefixlen < shortest_prefix:
            raise self.error(
                key, f"it takes more addresses than are needed; use /{shortest_prefix} or longer.", example
            )
        if special := next((special for special in NO_HOSTS if network.overlaps(special)), None):
            raise self.error(key, f"no machine can have an address of {special}.", example)
        return network

    def pairs(self, key: str, names: re.Pattern[str], example: str) -> dict[str, str]:
        """Values by names that match: an object, or the JSON text of one; none if it is empty.

        ``example`` is an object as JSON. `pulumi config set --path` makes numbers of texts that look so.
        """
        given = self._values.get(key)
        try:
            given = json.loads(given or "{}") if given is None or isinstance(given, str) else given
        except (RecursionError, ValueError):
            given = None
        if not isinstance(given, dict):
            raise self.error(key, "it must be an object: texts by name.", example)
        for name, value in given.items():
            if not names.fullmatch(name):
                raise self.error(key, f"{name!r} cannot be the name of a variable.", example)
            if not isinstance(value, str | int | float) or "\0" in str(value):
                raise self.error(key, f"the value of {name} must be a text.", example)
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in given.items()
        }

    def json_list(self, key: str, kind: type[E], example: str) -> list[E]:
        """The text as a JSON list of objects (``dict``) or of texts (``str``).

        The engine hands a list over as JSON text, also where it was set by its parts.
        """
        try:
            listed = json.loads(self.text(key, example))
        except RecursionError:
            raise self.error(key, "it is nested too deeply.", example) from None
        except ValueError as problem:  # not JSON, or a number of more digits than Python reads
            raise self.error(key, f"it is not JSON ({problem}).", example) from None
        if isinstance(listed, list) and None in listed:
            begun = "an entry is missing: where the list was one text, `--path` has begun another."
            raise self.error(key, begun, example)
        if not isinstance(listed, list) or not all(isinstance(entry, kind) for entry in listed):
            kinds = "objects" if kind is dict else "texts"
            raise self.error(key, f"it must be a list of {kinds}.", example)
        return listed


class EntryValues(Values):
    """The values of one entry of a list of objects. Its errors give the whole corrected list to type.

    Not the entry alone: `--path` would replace a list that was set as one text. ``needed`` has an example for
    each key that an entry must have, so that the line to type lacks none. If an entry has a hidden key, the
    line to type sets one key by `--path`, since it cannot show the list.
    """

    def __init__(
        self,
        key: str,
        listed: Sequence[Mapping[str, Any]],
        index: int,
        defaults: Mapping[str, Any],
        needed: Mapping[str, Any],
        *,
        hidden: Collection[str] = (),
    ) -> None:
        super().__init__({**defaults, **listed[index]}, hidden)
        self._key = key
        self._listed = listed
        self._index = index
        self._needed = needed

    def _path(self, key: str) -> str:
        return f"{self._key}[{self._index}].{key}"

    def _fix(self, key: str, example: object) -> str:
        if self._has_secrets():
            return f"pulumi config set --path {shlex.quote(self._path(key))} {shlex.quote(str(example))}"
        return self._with_entry({**self._listed[self._index], key: example})

    def _removal(self, key: str) -> str:
        if self._has_secrets():
            return f"pulumi config rm --path {shlex.quote(self._path(key))}"
        entry = self._listed[self._index]
        return self._with_entry({name: value for name, value in entry.items() if name != key})

    def _has_secrets(self) -> bool:
        return any(key in entry for entry in self._listed for key in self._hidden)

    def _with_entry(self, entry: Mapping[str, Any]) -> str:
        whole = {**self._needed, **entry}
        corrected = [*self._listed[: self._index], whole, *self._listed[self._index + 1 :]]
        return f"pulumi config set {self._key} {shlex.quote(json.dumps(corrected))}"
