"""Gets all that a machine lacks, step by step. A step checks first whether there is anything to do."""

import os

from toolchain import base_image, docker_engine, docker_plugin, pulumi_cli, python_packages, system_packages
from toolchain.steps import Log, Step, run_steps

SYSTEM_COMMANDS = {"docker": ("docker-cli", "docker.io"), "ssh": ("openssh-client",)}


# It is large, and only tests of the console need it. On a machine without it, they are left out.
CI_COMMANDS = {"chromium": ("chromium",)}


def _system(log: Log) -> str:
    in_ci = os.environ.get("CI") == "true"
    return system_packages.ensure({**SYSTEM_COMMANDS, **(CI_COMMANDS if in_ci else {})}, log)


SYSTEM = (Step(name="system-packages", title="system packages", run=_system),)
# Side by side: the first chain mostly computes, the second mostly waits for mirrors and disk.
PULUMI = (
    Step(name="python-packages", title="Python packages in .venv", run=python_packages.ensure),
    Step(
        name="pulumi-cli",
        title="Pulumi CLI (built in some minutes where it cannot be downloaded)",
        run=pulumi_cli.ensure,
    ),
    Step(name="docker-plugin", title="Pulumi's docker plugin", run=docker_plugin.ensure),
)
DOCKER = (
    Step(name="docker-engine", title="docker engine", run=docker_engine.ensure),
    Step(name="base-image", title="base image", run=base_image.ensure),
)

if __name__ == "__main__":
    run_steps(SYSTEM)
    run_steps(PULUMI, DOCKER)
