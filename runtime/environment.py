"""Reads settings from environment variables and docker secrets; a value that cannot be used is an error."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit


class SettingError(ValueError):
    """A setting that cannot be used; the text names the variable, its value and the fix."""


def integer(
    env: Mapping[str, str], name: str, default: int, *, least: int = 1, most: int | None = None
) -> int:
    """A whole number; raises SettingError."""
    text = env.get(name) or str(default)
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        refuse(name, text, f"a whole number of at least {least}")
    if most is not None and number > most:
        refuse(name, text, f"a whole number of at most {most}")
    return number


def boolean(env: Mapping[str, str], name: str) -> bool:
    """``true`` or ``false``, which is the default; raises SettingError."""
    text = env.get(name) or "false"
    if text not in {"true", "false"}:
        refuse(name, text, "true or false")
    return text == "true"


def address(env: Mapping[str, str], name: str, *, default: str, schemes: Collection[str] = ("http",)) -> str:
    """The URL of a service; raises SettingError."""
    url = env.get(name) or default
    if not is_http(url, schemes=schemes):
        refuse(name, url, f"an address like {default}")
    return url


def is_http(url: str, *, schemes: Collection[str] = ("http", "https"), login: bool = False) -> bool:
    """Whether this is the URL of a host; with LOGIN, one that names a user too."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in schemes
            and bool(parts.hostname)
            and parts.port != 0
            and (bool(parts.username) or not login)
        )
    except ValueError:
        return False


def secret(path: str) -> str:
    """Content of a docker secret; empty if there is none."""
    try:
        return Path(path).read_text().strip()
    except FileNotFoundError:
        return ""


def refuse(name: str, value: object, fix: str) -> NoReturn:
    """Raise SettingError for the setting NAME."""
    raise SettingError(f"{name} is {value!r}: set it to {fix}")
