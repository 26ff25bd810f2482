# untaint.sh NODE: lets pods run on a control plane.
set -eu
taint=node-role.kubernetes.io/control-plane:NoSchedule
kubectl --kubeconfig /etc/kubernetes/admin.conf taint node "$1" "$taint-" 2>&1 || :
kubectl --kubeconfig /etc/kubernetes/admin.conf get node "$1" -o 'jsonpath={.spec.taints}'
