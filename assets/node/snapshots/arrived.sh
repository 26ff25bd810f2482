# arrived.sh NAME: prints the checksum of a snapshot that another node has stored here.
set -eu
sha256sum "/var/lib/homelab-snapshots/store/$1"
