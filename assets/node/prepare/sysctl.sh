# sysctl.sh FILE: sets what FILE says, and only that: other files may hold keys that this system refuses.
set -eu
sysctl -p "$1"
