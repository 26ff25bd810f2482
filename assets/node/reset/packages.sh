# Removes the packages that came with homelab, puts those back that they took the place of, and gives holds and marks back.
# What can't be had any more is named in the file "lost".
set -eu
. reset/library.sh
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none
apt() { apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@"; }
of() { echo "$left" | sed -n "s/^$1 //p"; }
dpkg --configure -a --force-confdef --force-confold || echo "some packages can't be configured as they are"
left=$(packages_left)
[ -z "$(of back)" ] || apt update || echo "some package lists could not be fetched; going on with those that could"

for name in $(of purge); do
  dpkg -L "$name" 2>/dev/null | grep -oE '/systemd/system/[^/]+\.(service|timer|socket)$' | sed 's|.*/||' | while read -r unit; do
    systemctl disable --quiet --now "$unit" 2>/dev/null || :
  done
done
words=$(of purge | sed 's/$/-/')
to_be_had() { apt-cache madison "$1" | awk '{ print $3 }'; }
back=$(of back | while read -r name version; do
  deb=$originals/debs/${name%%:*}_$(echo "$version" | sed 's/:/%3a/g')
  if [ -n "$(find "$deb"_*.deb 2>/dev/null)" ]; then
    echo "$deb"_*.deb
  elif to_be_had "$name" | grep -qxF "$version"; then
    echo "$name=$version"
  else
    echo "$name $version" >>"$originals/lost"
    [ -n "$(installed "$name")" ] || [ -z "$(to_be_had "$name")" ] || echo "$name"
  fi
done)
if [ -n "$words$back" ]; then
  # shellcheck disable=SC2086  # words
  apt -o APT::Sandbox::User=root -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install -y --purge --no-install-recommends \
    --allow-change-held-packages --allow-downgrades $words $back
fi
for name in $(of remove); do apt remove -y --allow-change-held-packages "$name"; done
for name in $(of purge); do ! there "$name" || dpkg --purge "$name"; done # of one that was removed, what it left

left=$(packages_left)
for word in hold unhold auto manual; do
  names=$(of "$word")
  # shellcheck disable=SC2086  # words
  [ -z "$names" ] || apt-mark "$word" $names
done
[ -n "$(installed containerd.io)" ] || grep -qsx /var/lib/containerd "$originals/places" || clear_places /var/lib/containerd
# shellcheck disable=SC2086,SC2154  # words; keep.sh names them
clear_places $places
