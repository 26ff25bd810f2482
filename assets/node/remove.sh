# remove.sh PATH...: removes files that homelab wrote.
set -eu
. keep.sh
keep "$@"
rm -f "$@"
