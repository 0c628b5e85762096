#!/bin/sh
# Starts a command as unmoor-host.service would, where there is no systemd: a root that is read-only but for one
# folder, a /tmp of its own, no way to gain privileges, and few to begin with. As root, with util-linux:
#
#   confined.sh DATA_DIR COMMAND...
set -eu
if [ "$(id -u)" != 0 ]; then
  echo "confined.sh: start this as root: it makes a mount namespace and gives up what it does not need." >&2
  exit 1
fi
data=$(realpath "$1")
shift

# What runs in the namespace; $0 is the data folder.
inside='
  mount --bind "$0" "$0"
  mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs /tmp
  # Those of the kernel stay as they are: a memory cgroup is made below /sys.
  findmnt --noheadings --raw --output TARGET | while IFS= read -r at; do
    case "$at" in
      "$0" | "$0"/* | /tmp | /tmp/* | /proc | /proc/* | /sys | /sys/* | /dev | /dev/*) ;;
      # One that another mount hides is out of reach.
      *) if mountpoint -q "$at"; then mount -o remount,bind,ro "$at"; fi ;;
    esac
  done
  exec setpriv --no-new-privs --inh-caps=-all \
    --bounding-set=-all,+setuid,+setgid,+chown,+kill,+net_bind_service,+dac_override "$@"
'
exec unshare --mount --propagation private -- sh -euc "$inside" "$data" "$@"
