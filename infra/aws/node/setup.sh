
gave_up() { # its group replaces a worker; of a manager, the gate of `pulumi up` reads this line
  echo "oodt: gave up at the set-up"
  if [ "$ROLE" = worker ]; then
    PYTHONPATH=/usr/local/lib/oodt python3 -m infra.aws.node.unhealthy --region "$REGION"
  fi
}
trap '[ $? = 0 ] || gave_up' EXIT

retry() { # the network, the package mirror and a fresh role may take a while
  until timeout 180 "$@"; do
    if [ "$SECONDS" -ge "$BOOT_LIMIT" ]; then
      echo "oodt: $BOOT_LIMIT s were not enough for: $*"
      return 1
    fi
    echo "oodt: trying again: $*"
    sleep 10
  done
}

echo "oodt: step 1 of 5: install packages"
# The ECS agent would only look for a cluster of its own. Docker comes back when its directory is there.
systemctl mask --now ecs.service
systemctl stop docker.service docker.socket
# Docker would go on with the addresses of a bridge that it finds.
ip link delete docker0 || true

# Packages of the image's own release, with signatures: one image always gets the same ones.
release=$(rpm -q --queryformat '%{VERSION}' system-release)
retry dnf install -y -q --releasever "$release" --setopt=gpgcheck=1 \
  amazon-efs-utils amazon-ssm-agent python3-boto3 xfsprogs
systemctl enable --now amazon-ssm-agent.service

echo "oodt: step 2 of 5: write docker's configuration and the services"
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

# A manager tries for ever. A worker that fails is replaced.
if [ "$ROLE" = worker ]; then
  on_failure=OnFailure=oodt-gave-up.service restart=no
else
  on_failure='' restart=on-failure
fi

# EFS's mount helper leaves its proxy running in this unit: whoever stops the unit must not take the share away.
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
KillMode=process
Restart=$restart
RestartSec=5
TimeoutStartSec=$((2 * BOOT_LIMIT))
StandardOutput=journal+console
Environment=SHARE=$SHARE FILE_SYSTEM=$FILE_SYSTEM ACCESS_POINT=$ACCESS_POINT BOOT_LIMIT=$BOOT_LIMIT
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

# At shutdown systemd stops the node before docker: a worker has its patience to be drained. A worker that ends
# with 3 cannot be a member, and neither can one whose disks or docker fail.
address=$(ip -4 route get "$MANAGER_ADDRESS" | sed -n 's/.* src \([0-9.]*\).*/\1/p')
cat >/etc/systemd/system/oodt-node.service <<END
[Unit]
Description=This machine's part in the swarm
Requires=docker.service
After=docker.service
StartLimitIntervalSec=0
$on_failure

[Service]
Environment=PYTHONPATH=/usr/local/lib/oodt PYTHONUNBUFFERED=1
StandardOutput=journal+console
StandardError=journal+console
ExecStartPre=/bin/echo "oodt: step 5 of 5: join the swarm"
ExecStart=/usr/bin/python3 -m infra.aws.node.$ROLE --address $address --region $REGION --parameter $PARAMETER --requests $SHARE/.swarm $NODE_OPTIONS
Restart=on-failure
RestartPreventExitStatus=3
RestartSec=5
TimeoutStopSec=$((PATIENCE + 60))

[Install]
WantedBy=multi-user.target
END

cat >/etc/systemd/system/oodt-gave-up.service <<END
[Unit]
Description=Has this worker replaced

[Service]
Type=oneshot
Environment=PYTHONPATH=/usr/local/lib/oodt
StandardOutput=journal+console
StandardError=journal+console
ExecStart=/usr/bin/python3 -m infra.aws.node.unhealthy --region $REGION
END

systemctl daemon-reload
systemctl enable oodt-mounts.service docker.service oodt-node.service
systemctl start --no-block oodt-node.service
