# Starts the kubelet that is installed now. Running containers go on.
set -eu
systemctl daemon-reload
systemctl restart kubelet
