# keep.sh: for every script that changes a node. Keeps what was there before homelab first touched it, under
# /var/lib/homelab/originals, so that `homelab reset` can give it back. The first touch wins; what is kept is whole and on
# the disk before anything is changed. `. keep.sh` at the begin of a line stands for this text (steps/ops.py).
originals=${HOMELAB_ORIGINALS:-/var/lib/homelab/originals}

keep() ( # PATH...: files as they are now (content, mode, owner, times), or that they are not there, with missing folders
  umask 077
  mkdir -p "$originals/there" "$originals/absent"
  for path; do
    case $path in /run/* | /var/lib/homelab/*) continue ;; esac # gone by themselves, or with homelab's folder
    name=$(printf '%s' "$path" | sed 's/%/%25/g; s|/|%2F|g')
    if [ -e "$originals/there/$name" ] || [ -L "$originals/there/$name" ] || [ -e "$originals/absent/$name" ]; then
      continue
    elif [ -L "$path" ] || [ -f "$path" ]; then
      rm -f "$originals/new"
      cp -a -- "$path" "$originals/new"
      [ -L "$path" ] || sync "$originals/new"
      mv -T "$originals/new" "$originals/there/$name"
      sync "$originals/there"
    elif [ ! -e "$path" ]; then
      folder=${path%/*}
      [ -z "$folder" ] || [ -e "$folder" ] || keep "$folder" || exit
      : >"$originals/absent/$name"
      sync "$originals/absent"
    fi
  done
)

keep_lines() ( # FILE: the lines on stdin, each only when no line with its first word is there yet
  umask 077
  mkdir -p "$originals"
  touch "$originals/$1"
  cat "$originals/$1" - | awk '!seen[$1]++' >"$originals/new-$1"
  sync "$originals/new-$1"
  mv "$originals/new-$1" "$originals/$1"
  sync "$originals"
)

keep_units() { # UNIT...: whether each is enabled; "absent" for one that is not there
  for unit_to_keep; do
    state=$(systemctl is-enabled "$unit_to_keep" 2>/dev/null) || :
    case $state in '' | not-found) state=absent ;; esac
    echo "$unit_to_keep $state"
  done | keep_lines units
}

keep_undo() ( # NAME: the script on stdin is run by `homelab reset`, for what is neither a file, a unit nor a package
  umask 077
  mkdir -p "$originals/undo"
  [ ! -e "$originals/undo/$1" ] || exit 0
  cat >"$originals/new-undo"
  sync "$originals/new-undo"
  mv "$originals/new-undo" "$originals/undo/$1"
  sync "$originals/undo"
)

keep_marks() { # NAME...: packages as they are now: NAME VERSION install|hold auto|manual; "-" for the version of none
  automatic=$(apt-mark showauto)
  for package_to_keep; do
    status=$(dpkg-query -W -f '${Version} ${db:Status-Want} ${db:Status-Status}' "$package_to_keep" 2>/dev/null) || :
    case $status in
      *' config-files') echo "$package_to_keep - config auto" ;;
      '' | *' not-installed') echo "$package_to_keep - none auto" ;;
      *)
        mark=manual
        ! echo "$automatic" | grep -qxF "$package_to_keep" || mark=auto
        echo "$package_to_keep ${status% *} $mark"
        ;;
    esac
  done | keep_lines packages
}

keep_packages() ( # ARG...: what `apt-get ARG...`, an installation, would bring, replace and remove. Fetches the packages.
  plan=$(apt-get -s -o Debug::NoLocking=1 "$@") || exit 0 # the installation itself will say why not
  keep_places
  names=$(echo "$plan" | awk '/^(Inst|Remv) / { print $2 }' | sort -u)
  asked=$(for word; do case $word in -*) ;; *) dpkg-query -W -f '${Package}\n' "${word%%=*}" 2>/dev/null || : ;; esac done)
  # shellcheck disable=SC2086  # words
  keep_marks $names $asked
  echo "$plan" | awk '/^Inst / { sub(/^\(/, "", $3); sub(/^\(/, "", $4); print $2 "=" ($3 ~ /^\[/ ? $4 : $3) }' | keep_lines brought
  removed=$(echo "$plan" | awk '/^Remv / { print $2 }')
  # shellcheck disable=SC2046,SC2086  # words
  [ -z "$removed" ] || keep_units $(dpkg -L $removed | grep -oE '[^/]+\.(service|timer|socket)$')
  mkdir -p "$originals/debs"
  for name in $removed; do # its version may not be to be had any more when it is to be put back
    version=$(dpkg-query -W -f '${Version}' "$name")
    (cd "$originals/debs" && apt-get -q -o APT::Sandbox::User=root download "$name=$version") ||
      echo "$name $version can't be fetched again; another version will take its place"
  done
  apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 -y "$@" --download-only
  echo "$plan" | awk '/^Inst / && $3 ~ /^\(/ { print $2, substr($3, 2) }' | while read -r name version; do
    for deb in /var/cache/apt/archives/"${name%%:*}_$(echo "$version" | sed 's/:/%3a/g')"_*.deb; do
      [ ! -f "$deb" ] || keep_package_files "$deb"
    done
  done
)

keep_package_files() { # DEB: its configuration files, and files of nobody's that it would put its own in place of
  dpkg-deb -I "$1" conffiles 2>/dev/null | awk '{ print $NF }' | while read -r path; do
    keep "$path"
    # a folder of nobody's yet: it goes as a whole when some packages are purged
    [ ! -d "${path%/*}" ] || dpkg -S "${path%/*}" >/dev/null 2>&1 ||
      find "${path%/*}" -xdev -type f | while read -r other; do keep "$other"; done
  done
  { dpkg-deb -I "$1" md5sums 2>/dev/null || dpkg-deb --fsys-tarfile "$1" | tar -t; } |
    sed -E 's#^([0-9a-f]{32} +|\./)#/#' | while read -r path; do
    [ ! -f "$path" ] || dpkg -S "$path" >/dev/null 2>&1 || keep "$path"
  done
}

places='/etc/kubernetes /etc/cni /opt/cni /opt/containerd /var/lib/etcd /var/lib/kubelet /var/lib/cni /var/log/pods
  /var/log/containers /usr/libexec/kubernetes /root/.kube/cache'
keep_places() ( # what was in the folders of a cluster before there was one
  [ ! -e "$originals/places" ] || exit 0
  umask 077
  mkdir -p "$originals"
  # shellcheck disable=SC2086  # words
  find $places -xdev >"$originals/new-places" 2>/dev/null || :
  [ -z "$(ls -A /var/lib/containerd 2>/dev/null)" ] || echo /var/lib/containerd >>"$originals/new-places"
  keep /root/.kube/cache # kubectl makes both folders
  [ ! -d /etc/cni ] || find /etc/cni -type f | while read -r path; do keep "$path"; done
  sync "$originals/new-places"
  mv "$originals/new-places" "$originals/places"
  sync "$originals"
)
