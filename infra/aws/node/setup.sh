
retry() { # the network, the package mirror and a fresh role may take a while
  for _ in $(seq 30); do
    if "$@"; then return; fi
    sleep 10
  done
  echo "gave up: $*" >&2
  return 1
}

# The ECS agent would only look for a cluster of its own. Docker comes back when its directory is there.
systemctl mask --now ecs.service
systemctl stop docker.service docker.socket
# Docker would go on with the addresses of a bridge that it finds.
ip link delete docker0 || true

retry dnf install -y -q amazon-efs-utils python3 xfsprogs
python3 -c 'import boto3' || dnf install -y -q python3-boto3 ||
  { retry dnf install -y -q python3-pip && retry pip3 install -q boto3; }

# Docker's clients open many connections at once.
cat >/etc/ssh/sshd_config.d/00-oodt.conf <<'END'
MaxStartups 200:30:400
MaxSessions 200
PasswordAuthentication no
END
systemctl reload-or-restart sshd.service
usermod -a -G docker ec2-user

# At its default level docker logs the keys of the swarm's gossip.
mkdir -p /etc/docker
cat >/etc/docker/daemon.json <<END
{
  "insecure-registries": ["$MANAGER_ADDRESS:$REGISTRY_PORT"],
  ${BRIDGE_POOL:+"\"default-address-pools\": [{\"base\": \"$BRIDGE_POOL\", \"size\": 22}],"}
  "log-level": "warn",
  "log-driver": "json-file",
  "log-opts": {"max-size": "10m", "max-file": "3"}
}
END

chmod 0755 /usr/local/lib/oodt/infra/aws/node/mounts.sh
cat >/etc/systemd/system/oodt-mounts.service <<END
[Unit]
Description=Data volume and share of a swarm node
Wants=network-online.target
After=network-online.target
Before=docker.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
Restart=on-failure
RestartSec=5
TimeoutStartSec=infinity
Environment=SHARE=$SHARE FILE_SYSTEM=$FILE_SYSTEM ACCESS_POINT=$ACCESS_POINT
ExecStart=/usr/local/lib/oodt/infra/aws/node/mounts.sh
# After a failure nothing else would start what has waited for this.
ExecStartPost=/usr/bin/systemctl start --no-block oodt-node.service

[Install]
WantedBy=multi-user.target
END

# Both disks stay mounted until docker has stopped, and before it the node, which has to be drained.
mkdir -p /etc/systemd/system/docker.service.d
cat >/etc/systemd/system/docker.service.d/oodt.conf <<END
[Unit]
Requires=oodt-mounts.service
After=oodt-mounts.service
RequiresMountsFor=/var/lib/docker $SHARE
END

# At shutdown systemd stops the node before docker: a worker has its patience to be drained.
address=$(ip -4 route get "$MANAGER_ADDRESS" | sed -n 's/.* src \([0-9.]*\).*/\1/p')
cat >/etc/systemd/system/oodt-node.service <<END
[Unit]
Description=This machine's part in the swarm
Requires=docker.service
After=docker.service
StartLimitIntervalSec=0

[Service]
Environment=PYTHONPATH=/usr/local/lib/oodt PYTHONUNBUFFERED=1
ExecStart=/usr/bin/python3 -m infra.aws.node.$ROLE --address $address --region $REGION --parameter $PARAMETER --requests $SHARE/.swarm $NODE_OPTIONS
Restart=on-failure
RestartSec=5
TimeoutStopSec=$((PATIENCE + 60))

[Install]
WantedBy=multi-user.target
END

systemctl daemon-reload
systemctl enable oodt-mounts.service docker.service oodt-node.service
systemctl start --no-block oodt-node.service
