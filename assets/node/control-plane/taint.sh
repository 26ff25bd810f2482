# taint.sh on|off NODE...: keeps pods that do not ask for it off control planes, or lets them in.
set -eu
word=$1
shift
taint='node-role.kubernetes.io/control-plane'
admin() { kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }
for node in "$@"; do
  if [ "$word" = on ]; then
    admin taint node "$node" "$taint=:NoSchedule" --overwrite
  elif admin get node "$node" -o 'jsonpath={.spec.taints[*].key}' | tr ' ' '\n' | grep -qxF "$taint"; then
    admin taint node "$node" "$taint:NoSchedule-"
  fi
done
