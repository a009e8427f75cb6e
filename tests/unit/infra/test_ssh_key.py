"""The stack's ssh key as files."""

from __future__ import annotations

from pathlib import Path

from infra.ssh_key import KeyProvider


def test_nothing_is_left_of_a_key_that_is_deleted(tmp_path: Path) -> None:
    folder = tmp_path / ".ssh" / "dev"
    created = KeyProvider().create({"folder": str(folder)})
    assert (folder / "id_ed25519").stat().st_mode & 0o777 == 0o600
    (folder / "known_hosts").touch()
    KeyProvider().delete(str(created.id), {"folder": str(folder)})
    assert list(tmp_path.iterdir()) == []


def test_files_of_the_operators_and_keys_of_other_stacks_stay(tmp_path: Path) -> None:
    created = KeyProvider().create({"folder": str(tmp_path / ".ssh" / "dev")})
    other = tmp_path / ".ssh" / "other" / "id_ed25519"
    KeyProvider().create({"folder": str(other.parent)})
    KeyProvider().delete(str(created.id), {"folder": str(tmp_path / ".ssh" / "dev")})
    assert other.exists()
    (tmp_path / ".ssh" / "other" / "notes").touch()
    KeyProvider().delete("", {"folder": str(other.parent)})
    assert (tmp_path / ".ssh" / "other" / "notes").exists()
