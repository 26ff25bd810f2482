# Takes a snapshot now, as the timer does.
set -eu
systemctl reset-failed homelab-etcd-snapshot.service 2>/dev/null || :
since=$(date +%s)
systemctl start homelab-etcd-snapshot.service || {
  echo "error: $(journalctl -q -u homelab-etcd-snapshot --since "@$since" -o cat --no-pager _COMM=homelab-etcd-snapshot + _SYSTEMD_UNIT=homelab-etcd-snapshot.service | tail -n 1)" >&2
  exit 1
}
cat /var/lib/homelab/etcd-snapshots/last
