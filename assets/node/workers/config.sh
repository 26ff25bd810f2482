# Stores kubeadm's join configuration, which holds a token, from stdin: in memory, readable by root alone.
set -eu
umask 077
mkdir -p /run/homelab
cat >/run/homelab/join.yaml
