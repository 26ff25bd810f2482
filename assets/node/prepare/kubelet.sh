# Lets kubelet start at every boot. Until the node is part of a cluster it starts, finds no configuration and tries again.
set -eu
systemctl enable --quiet kubelet
