# hold.sh NAME...: keeps packages at their versions: an update of the system must not restart a cluster.
set -eu
. keep.sh
keep_marks "$@"
apt-mark hold "$@"
