# modules.sh NAME...: loads kernel modules; one that is built in or loaded already is fine.
# not kept: the running kernel forgets them at the next boot
set -eu
modprobe -a "$@"
