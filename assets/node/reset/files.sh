# Gives files and services back as they were. What the kernel was started with follows at the next boot. The key with which
# homelab logs in is taken away later, by forget.sh.
set -eu
. reset/library.sh
units_left | while read -r unit before; do
  if [ "$before" = absent ]; then systemctl disable --quiet --now "$unit"; fi
done
left=$(files_left)
paths there | while read -r path; do
  same "$originals/there/$(encoded "$path")" "$path" || put_back "$path"
done
paths absent | while read -r path; do
  if [ -d "$path" ] && [ ! -L "$path" ]; then
    rmdir "$path" 2>/dev/null || echo "$path stays: there is something in it"
  else
    rm -f "$path"
  fi
done
case $left in */usr/local/share/ca-certificates/*) update-ca-certificates ;; esac
systemctl daemon-reload
units_left | while read -r unit before; do
  case $before in
    masked) systemctl mask --quiet "$unit" ;;
    enabled) systemctl unmask --quiet "$unit" && systemctl enable --quiet "$unit" ;;
    disabled) systemctl unmask --quiet "$unit" && systemctl disable --quiet "$unit" ;;
    *) systemctl unmask --quiet "$unit" ;;
  esac
done
case $left in
  */etc/apt/*) timeout -k 5 180 apt-get -q -o Acquire::Retries=1 update || echo "the package lists are fetched anew with the next update" ;;
esac
cat /proc/sys/kernel/random/boot_id >"$originals/given-back"
sync "$originals/given-back"
