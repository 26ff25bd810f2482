# drain.sh NODE GRACE SECONDS: moves the pods of NODE to other nodes, respecting their disruption budgets. GRACE is how long
# each pod gets to end; -1 leaves it its own time.
# not kept: it moves pods, which are the cluster's
set -eu
kubectl --kubeconfig /etc/kubernetes/admin.conf drain "$1" --ignore-daemonsets --delete-emptydir-data --force \
  --grace-period="$2" --timeout="$3s"
