"""The environment in which this project's Pulumi programs run: what `source ./activate` sets.

As a program it prints the variables as shell code. What the user has set up stays: CLI, plugins, backend and
passphrase.
"""

import fcntl
import json
import os
import re
import secrets
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path

from toolchain import docker_engine, docker_plugin, pulumi_cli, whole_files
from toolchain.paths import BIN, COMMANDS, PASSPHRASE, PULUMI_HOME, REPOSITORY, STATE, VENV


def local_backend(folder: Path) -> str:
    """The URL of a backend in a folder, which a `pulumi` that dies at any moment leaves readable.

    Pulumi puts its files in place whole, but not the attributes that gocloud.dev/blob/fileblob writes beside
    them: if it dies there, all commands end with `failed to load checkpoint: EOF`. Pulumi needs none of them.
    """
    return f"file://{folder}?metadata=skip"


LOCAL_BACKEND = local_backend(STATE)
STACK_SETTINGS = REPOSITORY / "Pulumi.dev.yaml"
STACK_SUFFIXES = (".json", ".gz", ".zst")  # other files beside them are what Pulumi keeps of old states


def variables() -> dict[str, str]:
    """The variables to set, given those that are set now; doing so twice changes nothing."""
    folders = (VENV / "bin", COMMANDS) if pulumi_cli.on_path() else (VENV / "bin", COMMANDS, BIN)
    ours = [str(folder) for folder in folders]
    path = [*ours, *(folder for folder in os.get_exec_path() if folder not in ours)]
    found = {
        "PATH": os.pathsep.join(path),
        "VIRTUAL_ENV": str(VENV),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    if "DOCKER_HOST" not in os.environ and (socket := docker_engine.context_socket()):
        found["DOCKER_HOST"] = socket
    user_home = docker_plugin.user_home()
    if docker_plugin.own_plugin() is None:
        found["PULUMI_HOME"] = str(PULUMI_HOME)
        found[docker_plugin.USER_HOME] = str(user_home)
    elif os.environ.get("PULUMI_HOME") == str(PULUMI_HOME):  # set before the user had a plugin
        found["PULUMI_HOME"] = str(user_home)
    if not has_backend(os.environ, user_home):
        found["PULUMI_BACKEND_URL"] = LOCAL_BACKEND
        if "PULUMI_CONFIG_PASSPHRASE" not in os.environ:
            found["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(PASSPHRASE)
    return found


def prepare(wanted: dict[str, str]) -> None:
    """Make the files that the variables name."""
    if wanted.get("PULUMI_HOME") == str(PULUMI_HOME):
        _share_login(docker_plugin.user_home(), PULUMI_HOME)
    if "PULUMI_BACKEND_URL" in wanted:
        STATE.mkdir(parents=True, exist_ok=True)
    if "PULUMI_CONFIG_PASSPHRASE_FILE" in wanted and not _has_passphrase():
        with PASSPHRASE.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another shell may be activated at the same time
            if not _has_passphrase():
                forget_salt(STACK_SETTINGS)
                make_passphrase(PASSPHRASE)


def has_backend(environment: Mapping[str, str], home: Path) -> bool:
    """Whether the user keeps state somewhere himself."""
    if url := environment.get("PULUMI_BACKEND_URL"):
        return _without_query(url) != _without_query(LOCAL_BACKEND)
    if environment.get("PULUMI_ACCESS_TOKEN"):
        return True
    try:
        return bool(json.loads((home / "credentials.json").read_text()).get("current"))
    except (OSError, ValueError):
        return False


def local_stacks() -> set[str]:
    """The names of the stacks in the project's own backend, which its files tell without Pulumi."""
    files = STATE.glob(".pulumi/stacks/*/*.json*")
    return {file.name.partition(".json")[0] for file in files if file.suffix in STACK_SUFFIXES}


def _without_query(url: str) -> str:
    return url.partition("?")[0]


def _share_login(user_home: Path, home: Path) -> None:
    """Give another PULUMI_HOME the user's login, so that he stays logged in."""
    login = home / "credentials.json"
    home.mkdir(parents=True, exist_ok=True)
    if (user_home / "credentials.json").exists() and not login.exists():
        login.unlink(missing_ok=True)  # a link to a login that is gone
        login.symlink_to(user_home / "credentials.json")


def _has_passphrase() -> bool:
    """Whether there is a passphrase: an empty one only where a stack may be encrypted with it."""
    return PASSPHRASE.exists() and (PASSPHRASE.stat().st_size > 0 or bool(local_stacks()))


def make_passphrase(path: Path) -> None:
    whole_files.write(path, secrets.token_urlsafe(32), mode=0o600)


def forget_salt(settings: Path) -> None:
    """Remove the salt of a passphrase that is gone: with it Pulumi would refuse the settings."""
    if not settings.exists():
        return
    before = settings.read_text()
    after = re.sub(r"^encryptionsalt:.*\n", "", before, flags=re.MULTILINE)
    if after != before:
        whole_files.write(settings, after, mode=stat.S_IMODE(settings.stat().st_mode))


def forget_unused_salt(settings: Path) -> None:
    """Remove a salt unless a secret of the user's is encrypted with it."""
    if settings.exists() and not re.search(r"^[\s-]+secure:", settings.read_text(), flags=re.MULTILINE):
        forget_salt(settings)


def main() -> None:
    wanted = variables()
    prepare(wanted)
    for name, value in wanted.items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    main()
