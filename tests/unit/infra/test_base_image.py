"""Which base image is used if there are several."""

from __future__ import annotations

import pytest

from infra import base_image
from infra.base_image import BaseImageError
from toolchain.versions import BASE_IMAGE, SUBSTITUTE_BASE_IMAGE


def chosen(there: set[str], monkeypatch: pytest.MonkeyPatch, *, pulls: bool = False) -> str:
    monkeypatch.setattr(base_image, "_has", lambda image: image in there)
    monkeypatch.setattr(base_image, "_pulls", lambda _docker: pulls)
    return base_image._on_this_machine()


def test_debians_image_is_preferred_to_the_substitute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert chosen({BASE_IMAGE, SUBSTITUTE_BASE_IMAGE}, monkeypatch) == BASE_IMAGE


def test_the_substitute_is_used_if_it_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen({SUBSTITUTE_BASE_IMAGE}, monkeypatch, pulls=True) == SUBSTITUTE_BASE_IMAGE


def test_a_missing_base_image_is_pulled_or_the_error_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert chosen(set(), monkeypatch, pulls=True) == BASE_IMAGE
    with pytest.raises(BaseImageError, match="make toolchain"):
        chosen(set(), monkeypatch)
