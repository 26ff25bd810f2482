# node.sh CONFIG: brings this node's control plane, if it has one, and kubelet's settings to the cluster's version.
# not kept: the folders of a cluster are given back as a whole
set -eu
kubeadm config validate --config "$1"
kubeadm upgrade node --config "$1"
