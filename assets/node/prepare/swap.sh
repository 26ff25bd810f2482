# Turns swap off and keeps it off, whatever provides it. The files were written before.
set -eu
for unit in dphys-swapfile zramswap; do
  ! systemctl cat "$unit.service" >/dev/null 2>&1 || systemctl disable --quiet --now "$unit.service"
done
systemctl daemon-reload
tail -n +2 /proc/swaps | while read -r device _; do
  systemctl mask --quiet --now "$(systemd-escape --path --suffix=swap "$device")" || :
done
swapoff -a
tail -n +2 /proc/swaps
