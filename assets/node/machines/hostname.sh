# hostname.sh NEW OLD: this host is called NEW from now on, for itself too, and cloud-init does not take it back.
# not kept: a mended clone stays mended, or it would be a clone again
set -eu
hostnamectl set-hostname "$1" 2>/dev/null || {
  echo "$1" >/etc/hostname
  cat /etc/hostname >/proc/sys/kernel/hostname
}
new=$(mktemp /etc/.hosts.XXXXXX)
awk -v new="$1" -v old="$2" '
  /^127\./ { for (i = 2; i <= NF && $i !~ /^#/; i++) { if ($i == old) { $i = new; touched = 1 } if ($i == new) there = 1 } }
  { print }
  END { if (!there) print "127.0.1.1\t" new }
' /etc/hosts >"$new"
chmod 644 "$new"
mv "$new" /etc/hosts
if [ -d /etc/cloud/cloud.cfg.d ]; then
  printf '%s\n' '# Written by homelab: its hostname was that of another host.' 'preserve_hostname: true' \
    >/etc/cloud/cloud.cfg.d/99-homelab-hostname.cfg
fi
# what Raspberry Pi Imager was told, which cloud-init would write into /etc/hosts again
seed=/boot/firmware/user-data
if [ -f "$seed" ]; then
  awk -v new="$1" -v old="$2" '$0 == "hostname: " old { $0 = "hostname: " new } { print }' "$seed" >"$seed.new"
  if cmp -s "$seed" "$seed.new"; then rm "$seed.new"; else mv "$seed.new" "$seed"; fi
fi
