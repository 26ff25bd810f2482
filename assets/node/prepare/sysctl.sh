# sysctl.sh FILE: sets what FILE says, and only that: other files may hold keys that this system refuses.
# not kept: the running kernel forgets them at the next boot
set -eu
sysctl -p "$1"
