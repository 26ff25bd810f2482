# time-service.sh UNIT: starts a time service now and at every boot.
set -eu
systemctl enable --quiet --now "$1"
