# images.sh CONFIG: fetches the images of the control plane, so that kubeadm init does not have to wait for them.
# not kept: images go into containerd's own store
set -eu
kubeadm config validate --config "$1"
kubeadm config images pull --config "$1"
