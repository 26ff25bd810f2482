# apply.sh CONFIG: brings the cluster's control plane to another version, on its first control plane.
set -eu
kubeadm config validate --config "$1"
kubeadm upgrade apply --config "$1" --yes
