# init.sh CONFIG: makes the cluster. Never where a cluster's data is, whatever was asked for.
set -eu
if [ -d /var/lib/etcd/member ]; then
  echo "there is a cluster's data in /var/lib/etcd; kubeadm init was not run" >&2
  exit 1
fi
kubeadm config validate --config "$1"
left=''
if [ -e /etc/kubernetes/manifests/kube-apiserver.yaml ]; then # an init that failed before etcd had ever started
  for name in kube-apiserver kube-controller-manager kube-scheduler etcd; do
    left="$left,FileAvailable--etc-kubernetes-manifests-$name.yaml"
  done
  left="$left,DirAvailable--var-lib-etcd,Port-6443,Port-10250,Port-10257,Port-10259,Port-2379,Port-2380"
fi
kubeadm init --config "$1" --skip-token-print ${left:+"--ignore-preflight-errors=${left#,}"}
