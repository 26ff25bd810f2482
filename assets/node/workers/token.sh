# Prints a new join token that is valid for 15 minutes. It is a secret: its output is never logged.
# not kept: a token is in the cluster, and ends with it
set -eu
kubeadm token create --kubeconfig /etc/kubernetes/admin.conf --ttl 15m
