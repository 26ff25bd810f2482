# machine-id.sh ID: makes ID the machine-id, for systemd and for D-Bus. Programs that run keep the old one: reboot.
# not kept: a mended clone stays mended, or it would be a clone again
set -eu
case $1 in *[!0-9a-f]*) exit 2 ;; esac
[ "${#1}" = 32 ]
[ -w /etc/machine-id ] || umount /etc/machine-id # a boot without a writable disk leaves a mount there
new=$(mktemp /etc/.machine-id.XXXXXX)
echo "$1" >"$new"
chmod 444 "$new"
mv "$new" /etc/machine-id
if [ -d /var/lib/dbus ]; then
  rm -f /var/lib/dbus/machine-id
  ln -s /etc/machine-id /var/lib/dbus/machine-id
fi
sync -f /etc
