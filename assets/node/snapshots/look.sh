# look.sh [FOLDER]: what of etcd's snapshots is on this node, as sections (see facts.sh). FOLDER: another disk of this node.
export LC_ALL=C
section() { # NAME CMD...
  printf '\n@@ %s\n' "$1"
  shift
  "$@" </dev/null 2>/dev/null | sed 's/^@@/ @@/'
}
unit() { timeout 5 systemctl show -p LoadState,ActiveState,UnitFileState,Result,NeedDaemonReload "$1"; }
failed() { journalctl -q -u homelab-etcd-snapshot.service -o cat --no-pager -n 20 | grep -vE '^(Starting|Finished|Failed|homelab-etcd-snapshot.service:)' | tail -n 1; }
device() { stat -c %d "$1"; }
section now date +%s
section etcd ls /etc/kubernetes/manifests/etcd.yaml
for file in /usr/local/sbin/homelab-etcd-snapshot /usr/local/sbin/homelab-etcd-restore /usr/local/lib/homelab/etcd-tools.sh \
  /etc/homelab/snapshots.conf /etc/homelab/snapshots-known-hosts \
  /etc/systemd/system/homelab-etcd-snapshot.service /etc/systemd/system/homelab-etcd-snapshot.timer \
  /usr/local/sbin/homelab-snapshot-receive /var/lib/homelab-snapshots/.ssh/authorized_keys; do
  [ ! -f "$file" ] || section "file $file" cat "$file"
done
[ ! -f /etc/homelab/snapshots-key ] || section 'file /etc/homelab/snapshots-key.pub' cat /etc/homelab/snapshots-key.pub
section timer unit homelab-etcd-snapshot.timer
section service unit homelab-etcd-snapshot.service
section why failed
section last cat /var/lib/homelab/etcd-snapshots/last
section account id -u homelab-snapshots
section store ls /var/lib/homelab-snapshots/store
[ -z "${1:-}" ] || section device device "$1"
[ -z "${1:-}" ] || section folder ls "$1"
section own-device device /var/lib
exit 0
