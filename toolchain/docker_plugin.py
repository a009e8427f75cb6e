"""The plugin of pulumi-docker: the machine's own, else the vendor's download, else the project's substitute.

The substitute (docker_provider/) goes into a PULUMI_HOME of the toolchain's own, so no other project uses it.
"""

import os
import shutil
import subprocess
from pathlib import Path

from toolchain import pulumi_cli
from toolchain.paths import PULUMI_HOME, TOOLCHAIN
from toolchain.steps import Log
from toolchain.versions import DOCKER_PLUGIN

EXECUTABLE = "pulumi-resource-docker"
FOLDER = f"resource-docker-v{DOCKER_PLUGIN}"
USER_HOME = "OODT_USER_PULUMI_HOME"  # environment variable: the user's PULUMI_HOME before ours replaced it
DOWNLOAD_TIMEOUT = 120
INSTALL_TIMEOUT = 60

SUBSTITUTE = """\
#!/bin/sh
PYTHONPATH="{repository}" exec "{python}" -u -P -m toolchain.docker_provider "$@"
"""


def ensure(log: Log) -> str:
    if own := own_plugin():
        return f"the machine's own, {own}"
    if (installed := installed_in(PULUMI_HOME)) and not _is_outdated_substitute(installed / EXECUTABLE):
        return "up to date"
    # Without --reinstall Pulumi accepts an outdated substitute as the plugin.
    install = [str(pulumi_cli.executable()), "plugin", "install", "--reinstall"]
    install += ["resource", "docker", DOCKER_PLUGIN]
    environment = {**os.environ, "PULUMI_HOME": str(PULUMI_HOME), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        log.run(install, timeout=DOWNLOAD_TIMEOUT, env=environment)
    except subprocess.SubprocessError as error:
        log.note(f"The vendor's plugin cannot be downloaded: {error}")
    else:
        return f"{DOCKER_PLUGIN} downloaded"
    source = TOOLCHAIN / "docker-plugin"
    source.mkdir(exist_ok=True)
    pulumi_cli.write_script(source / EXECUTABLE, SUBSTITUTE)
    log.run([*install, "--file", str(source)], timeout=INSTALL_TIMEOUT, env=environment)
    shutil.rmtree(source)
    return "the project's substitute for the vendor's"


def _is_outdated_substitute(executable: Path) -> bool:
    """Whether it is a substitute made before the repository moved: it contains the repository's path."""
    with executable.open("rb") as file:
        beginning = file.read(len(pulumi_cli.script(SUBSTITUTE)) + 1)
    return beginning.startswith(b"#!") and beginning != pulumi_cli.script(SUBSTITUTE).encode()


def own_plugin() -> Path | None:
    """The plugin on PATH, where Pulumi accepts any version, or in the user's own plugin folder."""
    if found := shutil.which(EXECUTABLE):
        return Path(found)
    return installed_in(user_home())


def user_home() -> Path:
    """The user's own PULUMI_HOME, also after an activation in the same shell."""
    home = os.environ.get("PULUMI_HOME")
    if home == str(PULUMI_HOME):
        home = os.environ.get(USER_HOME)
    return Path(home) if home else Path.home() / ".pulumi"


def installed_in(home: Path) -> Path | None:
    """The folder of an installed plugin of the SDK's version, the only one that Pulumi accepts there.

    A Pulumi that is killed leaves `.partial` beside it, or no executable in it if it had begun to reinstall.
    """
    folder = home / "plugins" / FOLDER
    unfinished = folder.with_name(f"{FOLDER}.partial")
    return folder if (folder / EXECUTABLE).is_file() and not unfinished.exists() else None
