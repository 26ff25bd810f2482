# restore.sh SHA256 [--alone]: makes this prepared node the control plane that its snapshot in a backup is from.
# not kept: homelab-etcd-restore writes what a cluster's folders hold, which are given back as a whole
set -eu
folder=/var/lib/homelab/restore
echo "$1  $folder/snapshot.tar.gz" | sha256sum --check --status || { echo "error: the snapshot did not arrive as it was sent" >&2; exit 1; }
shift
tar -C / -xzf $folder/snapshot.tar.gz usr/local/sbin/homelab-etcd-restore usr/local/lib/homelab/etcd-tools.sh
homelab-etcd-restore $folder/snapshot.tar.gz --new-card "$@" 2>$folder/said || { echo "error: $(tail -n 1 $folder/said)" >&2; exit 1; }
rm -rf $folder
