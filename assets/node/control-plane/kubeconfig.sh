# Prints the cluster's administrator's kubeconfig. It is a secret: its output is never logged.
set -eu
cat /etc/kubernetes/admin.conf
