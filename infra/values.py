"""Texts of a configuration read as what they should be, with errors that say what to type instead."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any, TypeVar

T = TypeVar("T", bound=str)
E = TypeVar("E")


class ConfigurationError(ValueError):
    """A setting that cannot be used; the message says which key, which value and what to type instead."""

    def __init__(self, key: str, value: object, problem: str, fix: str) -> None:
        super().__init__(f"{key} is {value!r}: {problem}\n  fix: {fix}")
        self.key = key
        self.value = value


class Values:
    """Texts by key, read as what they should be; ``scope`` is put before the key in errors."""

    def __init__(self, values: Mapping[str, Any], scope: str = "") -> None:
        self._values = values
        self._scope = scope

    def error(self, key: str, problem: str, example: object) -> ConfigurationError:
        path = f"{self._scope}{key}"
        option = "--path " if self._scope else ""
        return ConfigurationError(
            path,
            self._values.get(key),
            problem,
            f"pulumi config set {option}{_quoted(path)} {_quoted(str(example))}",
        )

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        for key in sorted(set(self._values) - set(known)):
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the known keys are {', '.join(known)}."
            path = f"{self._scope}{key}"
            option = "--path " if self._scope else ""
            raise ConfigurationError(
                path,
                self._values[key],
                f"there is no such key; {hint}",
                f"pulumi config rm {option}{_quoted(path)}",
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

    def integer(self, key: str, least: int, most: int) -> int:
        value = self._values.get(key)
        try:
            number = int(str(value))
        except ValueError:
            number = least - 1
        if isinstance(value, bool) or not least <= number <= most:
            raise self.error(key, f"it must be a whole number from {least} to {most}.", least)
        return number

    def choice(self, key: str, choices: tuple[T, ...]) -> T:
        value = self._values.get(key)
        for choice in choices:
            if value == choice:
                return choice
        raise self.error(key, f"it must be {' or '.join(choices)}.", choices[0])

    def network(self, key: str, longest_prefix: int) -> IPv4Network:
        example = "10.213.0.0/24"
        try:
            network = IPv4Network(str(self._values.get(key)))
        except ValueError as problem:
            raise self.error(key, f"it is not an IPv4 network ({problem}).", example) from None
        if network.prefixlen > longest_prefix:
            raise self.error(
                key, f"it has too few addresses; /{longest_prefix} or shorter is needed.", example
            )
        return network

    def json_list(self, key: str, kind: type[E], example: str) -> list[E]:
        """The text as a JSON list of objects (``dict``) or of texts (``str``)."""
        try:
            listed = json.loads(self.text(key, example))
        except json.JSONDecodeError as problem:
            raise self.error(key, f"it is not JSON ({problem}).", example) from None
        if not isinstance(listed, list) or not all(isinstance(entry, kind) for entry in listed):
            kinds = "objects" if kind is dict else "texts"
            raise self.error(key, f"it must be a list of {kinds}.", example)
        return listed


def _quoted(text: str) -> str:
    """The text as one word of a shell's command line."""
    plain = text and all(letter.isalnum() or letter in "-_./:" for letter in text)
    return text if plain else "'" + text.replace("'", "'\\''") + "'"
