# time-service.sh UNIT: starts a time service now and at every boot.
set -eu
. keep.sh
keep_units "$1.service"
systemctl enable --quiet --now "$1"
