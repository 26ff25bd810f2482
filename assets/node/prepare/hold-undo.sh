# hold-undo.sh NAME...
set -eu
. keep.sh
keep_marks "$@"
apt-mark unhold "$@"
