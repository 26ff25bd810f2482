# Stores kubeadm's join configuration, which holds a token, from stdin: in memory, readable by root alone.
# not kept: /run is in memory, and gone with the next boot
set -eu
umask 077
mkdir -p /run/homelab
cat >/run/homelab/join.yaml
