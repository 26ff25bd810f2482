# Switches the timer of snapshots on, with its units as they are now.
set -eu
. keep.sh
keep_units homelab-etcd-snapshot.timer
systemctl daemon-reload
systemctl enable --quiet homelab-etcd-snapshot.timer
systemctl restart homelab-etcd-snapshot.timer
