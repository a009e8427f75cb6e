"""When an image of the user's docker is copied to the cluster again."""

from __future__ import annotations

import pytest

from services.image_copies import RegistryProvider

PROPS = {"name": "oodt", "image": "sha256:1", "manager": "c1", "place": "10.213.0.10:5000"}


@pytest.mark.parametrize(
    ("key", "value"), [("image", "sha256:2"), ("manager", "c2"), ("place", "10.9.0.10:5000")]
)
def test_another_image_or_manager_is_a_reason_to_copy(key: str, value: str) -> None:
    assert RegistryProvider().diff("oodt", PROPS, {**PROPS, key: value}).changes


def test_the_same_image_on_the_same_manager_is_not_copied_again() -> None:
    assert (
        not RegistryProvider().diff("oodt", {**PROPS, "reference": "r"}, {**PROPS, "reference": None}).changes
    )
