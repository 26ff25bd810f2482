# modules.sh NAME...: loads kernel modules; one that is built in or loaded already is fine.
set -eu
modprobe -a "$@"
