"""Security groups: the nodes among themselves, the share for the nodes, ssh for the administrators."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from infra.aws.tags import tags
from infra.settings import Settings
from runtime.names import REGISTRY_PORT

# (name, protocol, port) of what nodes say to each other.
AMONG_NODES = (
    ("swarm", "tcp", 2377),
    ("gossip-tcp", "tcp", 7946),
    ("gossip-udp", "udp", 7946),
    ("overlay", "udp", 4789),
    ("registry", "tcp", REGISTRY_PORT),
)
NFS_PORT = 2049
SSH_PORT = 22


class SecurityGroups(pulumi.ComponentResource):
    """Rules are resources of their own, because groups name each other; nothing else is open.

    ``given`` are groups of a share that the stack did not make, which have to let the nodes in.
    """

    def __init__(
        self,
        settings: Settings,
        vpc_id: str,
        given: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("oodt:aws:SecurityGroups", "security-groups", {}, opts)
        self._settings = settings
        self._vpc_id = vpc_id
        self.nodes = self._create_group("nodes", "swarm nodes")
        self.manager = self._create_group("manager", "swarm manager")
        self.share = self._create_group("share", "shared file system")
        self.rules = [
            *(self._allow_among_nodes(*entry) for entry in AMONG_NODES),
            self._allow_nfs("share-nfs", self.share.id),
            *(self._allow_nfs(f"share-nfs-{group}", group) for group in given),
            *self._allow_ssh(),
            self._allow_outbound(),
        ]
        self.register_outputs({})

    def _create_group(self, name: str, description: str) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            name,
            vpc_id=self._vpc_id,
            description=f"{self._settings.prefix}: {description}",
            tags=tags(self._settings, f"{self._settings.prefix} {name}"),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_ingress(
        self, name: str, group: pulumi.Input[str], protocol: str, port: int, **source: pulumi.Input[str]
    ) -> aws.vpc.SecurityGroupIngressRule:
        return aws.vpc.SecurityGroupIngressRule(
            name,
            security_group_id=group,
            ip_protocol=protocol,
            from_port=port,
            to_port=port,
            **source,
            tags=tags(self._settings, f"{self._settings.prefix} {name}"),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _allow_among_nodes(self, name: str, protocol: str, port: int) -> aws.vpc.SecurityGroupIngressRule:
        return self._create_ingress(
            f"nodes-{name}", self.nodes.id, protocol, port, referenced_security_group_id=self.nodes.id
        )

    def _allow_nfs(self, name: str, group: pulumi.Input[str]) -> aws.vpc.SecurityGroupIngressRule:
        return self._create_ingress(name, group, "tcp", NFS_PORT, referenced_security_group_id=self.nodes.id)

    def _allow_ssh(self) -> list[aws.vpc.SecurityGroupIngressRule]:
        assert self._settings.aws
        return [
            self._create_ingress(
                f"ssh-{network}",
                self.manager.id,
                "tcp",
                SSH_PORT,
                **{f"cidr_ipv{network.version}": str(network)},
            )
            for network in self._settings.aws.admin_cidrs
        ]

    def _allow_outbound(self) -> aws.vpc.SecurityGroupEgressRule:
        """Package mirrors, AWS's own services, the other nodes and the share."""
        return aws.vpc.SecurityGroupEgressRule(
            "nodes-outbound",
            security_group_id=self.nodes.id,
            ip_protocol="-1",
            cidr_ipv4="0.0.0.0/0",
            tags=tags(self._settings, f"{self._settings.prefix} nodes-outbound"),
            opts=pulumi.ResourceOptions(parent=self),
        )
