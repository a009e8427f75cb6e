#!/bin/bash
# Mounts the data volume as docker's directory and the share; docker starts after it, at every boot.
set -eu

# until_done WHAT COMMAND...: repeats the command until it succeeds, within the script's limit.
until_done() {
  what=$1
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$BOOT_LIMIT" ]; then
      echo "oodt: gave up: waited $SECONDS s for $what"
      exit 1
    fi
    echo "oodt: waiting for $what"
    sleep 5
  done
}

# The name of a volume depends on the kind of instance: /dev/sdf may be /dev/xvdf or an NVMe disk.
data_volume() {
  for device in /dev/sdf /dev/xvdf; do
    if [ -b "$device" ]; then return; fi
  done
  for device in /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol*; do
    # The root disk has partitions, which lsblk would list too.
    if [ "$(lsblk -nro TYPE "$device" 2>/dev/null)" = disk ]; then return; fi
  done
  return 1
}

mount_share() {
  mountpoint -q "$SHARE" && return
  timeout 90 mount -t efs -o "tls,iam,accesspoint=$ACCESS_POINT" "$FILE_SYSTEM:/" "$SHARE"
}

echo "oodt: step 3 of 5: mount the data volume"
if ! mountpoint -q /var/lib/docker; then
  until_done "the data volume" data_volume
  found=0
  blkid -p "$device" || found=$?
  if [ "$found" = 2 ]; then mkfs.xfs -q "$device"; fi # 2: nothing on it; mkfs refuses to overwrite anything else
  mkdir -p /var/lib/docker
  mount "$device" /var/lib/docker
fi

echo "oodt: step 4 of 5: mount the share"
mkdir -p "$SHARE"
until_done "$FILE_SYSTEM, whose DNS name takes some minutes to appear" mount_share

# uid and gid 1000 run Workflow Managers and their jobs, and are ec2-user's; uid 1001 keeps the ledger.
# Nodes that boot together all make them: each folder appears whole, and who comes second finds it there.
folder() {
  ls "$SHARE" >/dev/null # has the NFS client ask the server, and not remember what was there
  [ -d "$SHARE/$1" ] && return
  draft=$(mktemp -d "$SHARE/.new.XXXXXX") || return
  chown "$2" "$draft" && chmod "$3" "$draft" && mv -nT "$draft" "$SHARE/$1"
  rm -rf "$draft"
  [ -d "$SHARE/$1" ]
}
folders() {
  folder archive 1000:1000 2775 && folder jobs 1000:1000 2775 && folder config 1000:1000 0755 &&
    folder ledger 1001:1000 0700 && folder .swarm 0:0 0700
}
until_done "the folders of the share" folders
