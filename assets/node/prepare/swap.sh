# Turns swap off and keeps it off, whatever provides it. The files were written before.
set -eu
. keep.sh
keep_units dphys-swapfile.service zramswap.service
for unit in dphys-swapfile zramswap; do
  ! systemctl cat "$unit.service" >/dev/null 2>&1 || systemctl disable --quiet --now "$unit.service"
done
systemctl daemon-reload
tail -n +2 /proc/swaps | while read -r device _; do
  unit=$(systemd-escape --path --suffix=swap "$device")
  keep "/etc/systemd/system/$unit" # masking makes it a link to /dev/null
  systemctl mask --quiet --now "$unit" || :
done
swapoff -a
tail -n +2 /proc/swaps
