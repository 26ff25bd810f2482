# init.sh CONFIG ADDRESS...: makes the cluster. Never where a cluster's data or configuration is, or where an API answers
# at any ADDRESS, whatever was asked for.
# not kept: the folders of a cluster are given back as a whole
set -eu
config=$1
shift
begun=/var/lib/homelab/init.begun # what an init of ours left may be cleared away, nothing else
never() {
  echo "$1; kubeadm init was not run" >&2
  exit 1
}
no_data() { [ ! -d /var/lib/etcd/member ] || never "there is a cluster's data in /var/lib/etcd"; }

no_data
left=
for file in /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/admin.conf \
  /etc/kubernetes/manifests/kube-apiserver.yaml /var/lib/kubelet/config.yaml; do
  [ ! -e "$file" ] || left=$file
done
[ -z "$left" ] || [ -e "$begun" ] || never "this node is configured for a cluster already ($left)"
if [ -n "$left" ]; then
  echo "clearing away what a kubeadm init left that had not come to keeping data"
  systemctl stop kubelet
  rm -f /etc/kubernetes/manifests/*.yaml /etc/kubernetes/*.conf /var/lib/kubelet/config.yaml
  for pod in $(crictl -r unix:///run/containerd/containerd.sock pods -q 2>/dev/null); do
    crictl -r unix:///run/containerd/containerd.sock rmp -f "$pod" >/dev/null 2>&1 || :
  done
  no_data # etcd may have come up in the last moment
  # certificates for what was answered then; the authorities stay
  find /etc/kubernetes/pki -type f ! -name 'ca.*' ! -name 'front-proxy-ca.*' ! -name 'sa.*' -delete
fi
for address in homelab-api "$@"; do
  # shellcheck disable=SC2016  # it is the inner shell's
  ! timeout 3 bash -c ': 3<>"/dev/tcp/$0/6443"' "$address" 2>/dev/null || never "an API answers at $address:6443"
done
kubeadm config validate --config "$config"
mkdir -p "${begun%/*}"
: >"$begun"
sync "$begun" "${begun%/*}"
kubeadm init --config "$config" --skip-token-print
rm -f "$begun"
