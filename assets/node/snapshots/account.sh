# Makes the account that other nodes store snapshots with. It has no password, and owns nothing but the folder of snapshots.
set -eu
. keep.sh
keep_undo snapshots-account <<'U'
! id -u homelab-snapshots >/dev/null 2>&1 || userdel homelab-snapshots
rm -rf --one-file-system /var/lib/homelab-snapshots
U
home=/var/lib/homelab-snapshots
id -u homelab-snapshots >/dev/null 2>&1 ||
  useradd --system --user-group --home-dir $home --no-create-home --shell /bin/sh --password '*' homelab-snapshots
install -d -m 755 $home $home/.ssh
install -d -m 700 -o homelab-snapshots -g homelab-snapshots $home/store
