# library.sh: what of this node is not yet as it was before homelab. Included by the scripts beside it; reads only, except
# for put_back and clear_places.
. keep.sh

encoded() { printf '%s' "$1" | sed 's/%/%25/g; s|/|%2F|g'; }
paths() { # there|absent: the paths that were kept, those in a folder before the folder
  [ ! -d "$originals/$1" ] || find "$originals/$1" -mindepth 1 -printf '%f\n' | sed 's|%2F|/|g; s/%25/%/g' | sort -r
}
same() { # FILE FILE: whether content, mode, owner and time are the same; that a link leads to the same place
  [ "$(stat -c '%f %u %g %Y' "$1")" = "$(stat -c '%f %u %g %Y' "$2" 2>/dev/null)" ] || return 1
  if [ -L "$1" ]; then [ "$(readlink "$1")" = "$(readlink "$2")" ]; else cmp -s "$1" "$2"; fi
}
files_left() {
  paths there | while read -r path; do same "$originals/there/$(encoded "$path")" "$path" || echo "$path"; done
  paths absent | while read -r path; do
    if [ -d "$path" ] && [ ! -L "$path" ]; then
      [ -n "$(ls -A "$path")" ] || echo "$path" # a folder with something of somebody else's in it stays
    elif [ -e "$path" ] || [ -L "$path" ]; then
      echo "$path"
    fi
  done
}
put_back() { # PATH: as it was, as a whole or not at all
  new=${1%/*}/.${1##*/}.homelab-new
  mkdir -p "${1%/*}/"
  rm -f "$new"
  # a FAT boot partition has no owners to set
  cp -a -- "$originals/there/$(encoded "$1")" "$new" 2>/dev/null ||
    cp --preserve=timestamps -- "$originals/there/$(encoded "$1")" "$new"
  [ -L "$new" ] || sync "$new"
  mv -fT "$new" "$1"
  sync "${1%/*}/"
}

unit_state() { systemctl is-enabled "$1" 2>/dev/null | grep -vx not-found || :; }
units_left() { # UNIT BEFORE
  [ -f "$originals/units" ] || return 0
  while read -r unit before; do
    now=$(unit_state "$unit")
    case $before:$now in
      enabled: | disabled: | absent:) ;;                                     # its package is gone
      enabled:enabled | disabled:disabled | masked:masked) ;;
      enabled:* | disabled:* | masked:* | *:masked | absent:enabled) echo "$unit $before" ;;
    esac
  done <"$originals/units"
}

installed() { # NAME: its version, when it is installed
  dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null | sed -n 's/^\(not-installed\|config-files\) .*//; s/^[a-z-]* //p'
}
there() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qvx not-installed; }
packages_left() { # purge NAME | remove NAME | back NAME VERSION | hold, unhold, auto, manual NAME
  [ -f "$originals/packages" ] || return 0
  automatic=$(apt-mark showauto) held=$(apt-mark showhold)
  ours=$(awk '$2 == "-" && $3 == "none" { print $1 }' "$originals/packages" | while read -r name; do ! there "$name" || echo "$name"; done)
  goes "$ours" | sed 's/^/purge /'
  awk '$3 != "none"' "$originals/packages" | while read -r name before want mark; do
    now=$(installed "$name")
    if [ "$want" = config ]; then
      [ -z "$now" ] || echo "remove $name"
      continue
    fi
    ! grep -qxF "$name $before" "$originals/lost" 2>/dev/null || before=$now
    if [ -z "$now" ] || { [ "$now" != "$before" ] && grep -qxF "$name=$now" "$originals/brought"; }; then
      [ -z "$before" ] || echo "back $name $before"
    fi
    [ -n "$now$before" ] || continue
    marked "$held" "$name" "$want" hold unhold
    marked "$automatic" "$name" "$mark" auto manual
  done
}
marked() { # LIST NAME BEFORE WORD OPPOSITE: what to do so that NAME is in LIST exactly when it was
  if echo "$1" | grep -qxF "$2"; then
    [ "$3" = "$4" ] || echo "$5 $2"
  else
    [ "$3" != "$4" ] || echo "$4 $2"
  fi
}
goes() { # NAMES: those of our packages that can go without taking somebody else's with them
  [ -n "$1" ] || return 0
  # shellcheck disable=SC2086  # words
  if others=$(removed_with $1) && [ -z "$(without "$1" "$others")" ]; then echo "$1" && return; fi
  for name in $1; do
    others=$(removed_with "$name") || continue
    [ -n "$(without "$1" "$others")" ] || echo "$name"
  done
}
removed_with() { apt-get -s -o Debug::NoLocking=1 --allow-change-held-packages purge "$@" | awk '/^(Remv|Purg) / { print $2 }'; }
without() { echo "$2" | while read -r word; do echo "$1" | grep -qxF "$word" || echo "$word"; done; }

cluster_left() { # what is there of a cluster
  for path in /var/lib/etcd/member /etc/kubernetes/*.conf /etc/kubernetes/manifests/*.yaml /etc/kubernetes/pki \
    /var/lib/kubelet/config.yaml /sys/class/net/cni0 /sys/class/net/flannel.1 /sys/class/net/kube-ipvs0 "$originals"/undo/*; do
    [ ! -e "$path" ] || echo "$path"
  done
}
clear_places() { # FOLDER...: everything in them goes that was not there before the cluster
  for place; do
    if [ ! -d "$place" ]; then
      continue
    elif ! grep -q "^$place/" "$originals/places" 2>/dev/null; then
      find "$place" -xdev -mindepth 1 -delete
      grep -qxF "$place" "$originals/places" 2>/dev/null || rmdir "$place" 2>/dev/null || : # it may be a mount point
    else
      find "$place" -xdev -depth | while read -r path; do
        if grep -qxF -- "$path" "$originals/places"; then
          continue
        elif [ -d "$path" ] && [ ! -L "$path" ]; then
          rmdir "$path"
        else
          rm -f "$path"
        fi
      done
    fi
  done
}
