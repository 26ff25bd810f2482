# remove.sh PATH...: removes files that homelab wrote.
set -eu
rm -f "$@"
