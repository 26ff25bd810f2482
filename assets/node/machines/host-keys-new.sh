# Makes SSH host keys that are not used yet, one for each that sshd uses, and prints the public ones.
# not kept: a mended clone stays mended, or it would be a clone again
set -eu
export PATH="$PATH:/usr/sbin"
folder=/etc/ssh/homelab-new
rm -rf "$folder"
mkdir -m 700 "$folder"
for key in $(sshd -T | awk '$1 == "hostkey" { print $2 }'); do
  [ -f "$key.pub" ] || continue
  kind=$(cut -d' ' -f1 "$key.pub")
  case $kind in
    ssh-ed25519) set -- -t ed25519 ;;
    ecdsa-sha2-nistp*) set -- -t ecdsa -b "${kind#ecdsa-sha2-nistp}" ;;
    ssh-rsa) set -- -t rsa ;;
    *) continue ;;
  esac
  ssh-keygen -q "$@" -N '' -C "root@$(cat /proc/sys/kernel/hostname)" -f "$folder/$(basename "$key")"
done
cat "$folder"/*.pub
