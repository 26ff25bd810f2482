# apply.sh CONFIG: brings the cluster's control plane to another version, on its first control plane.
# not kept: the folders of a cluster are given back as a whole
set -eu
kubeadm config validate --config "$1"
kubeadm upgrade apply --config "$1" --yes
