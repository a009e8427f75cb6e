"""The share of all nodes: an encrypted EFS file system of the stack's own, or a given one."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.aws.network import Network
from infra.aws.tags import tags
from infra.settings import Settings
from infra.values import ConfigurationError


def check(efs_id: str) -> None:
    """Raises ConfigurationError where the given file system does not exist."""
    try:
        aws.efs.get_file_system(file_system_id=efs_id)
    except Exception as problem:
        reason = str(problem).strip().splitlines()[-1].strip()
        raise ConfigurationError(
            "efs_id",
            efs_id,
            f"there is no such file system in this region ({reason}).",
            "pulumi config set efs_id FILE-SYSTEM, or pulumi config set efs_id '' for one of the stack's own",
        ) from None


class Share(pulumi.ComponentResource):
    """``file_system`` and ``access_point`` are what nodes mount, once ``mountable`` exists.

    The access point gives each stack a folder of its own. A given file system has mount targets already;
    they must let the group of the nodes in.
    """

    file_system: pulumi.Input[str]

    def __init__(
        self,
        settings: Settings,
        network: Network,
        group: aws.ec2.SecurityGroup,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("oodt:aws:Share", "share", {}, opts)
        assert settings.aws
        self._settings = settings
        self.mountable: list[aws.efs.MountTarget] = []
        if settings.aws.efs_id:
            self.file_system = settings.aws.efs_id
        else:
            self.file_system = self._create_file_system(settings.aws.protect).id
            self.mountable = [
                aws.efs.MountTarget(
                    f"share-{subnet.zone}",
                    file_system_id=self.file_system,
                    subnet_id=subnet.id,
                    security_groups=[group.id],
                    opts=pulumi.ResourceOptions(parent=self),
                )
                for subnet in network.one_per_zone()
            ]
        self.access_point = self._create_access_point().id
        self.register_outputs({})

    def _create_file_system(self, protect: bool) -> aws.efs.FileSystem:
        return aws.efs.FileSystem(
            "share",
            encrypted=True,
            throughput_mode="elastic",
            tags=tags(self._settings, f"{self._settings.prefix} share"),
            opts=pulumi.ResourceOptions(parent=self, protect=protect),
        )

    def _create_access_point(self) -> aws.efs.AccessPoint:
        """Without a user of its own: jobs, ledger and configuration belong to several."""
        return aws.efs.AccessPoint(
            "share",
            file_system_id=self.file_system,
            root_directory=aws.efs.AccessPointRootDirectoryArgs(
                path=f"/{self._settings.prefix}",
                creation_info=aws.efs.AccessPointRootDirectoryCreationInfoArgs(
                    owner_uid=0, owner_gid=0, permissions="0755"
                ),
            ),
            tags=tags(self._settings, f"{self._settings.prefix} share"),
            opts=pulumi.ResourceOptions(parent=self),
        )
