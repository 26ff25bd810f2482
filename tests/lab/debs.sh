# shellcheck shell=bash
# debs.sh - the three apt repositories of the mirror, each in the layout of the real one.  Source it after env.sh.
#   $LAB_WWW/debian                               flat; every Debian package a node may install
#   $LAB_WWW/kubernetes/core:/stable:/v1.36/deb   as pkgs.k8s.io: flat, Release.key beside InRelease
#   $LAB_WWW/docker/linux/debian                  as download.docker.com: dists/bookworm, pool, key in 'gpg'

# what preparation, add-ons and tests may ask for; their dependencies come by themselves
DEBIAN_PACKAGES='conntrack socat ebtables ethtool ipset iptables nftables gnupg curl ca-certificates apt-transport-https
  chrony jq libseccomp2 open-iscsi nfs-common dnsmasq-base tcpdump parted ipvsadm rsync git wireguard-tools
  unattended-upgrades python3-apt libc6 mount util-linux iproute2 kmod sudo'
CRITOOLS_DEB=1.36.0-1.1
CNI_DEB=1.8.0-1.1

signing_key() { # one key per lab; it never leaves $HOMELAB_LAB
  export GNUPGHOME=$HOMELAB_LAB/gpg
  [ -s "$HOMELAB_LAB/apt-key.asc" ] && return
  install -d -m 700 "$GNUPGHOME"
  gpg -q --batch --passphrase '' --quick-gen-key 'lab <lab@lab.invalid>' ed25519 sign never 2>/dev/null
  gpg -q --batch --export --armor > "$HOMELAB_LAB/apt-key.asc"
  gpg -q --batch --export > "$HOMELAB_LAB/apt-key.gpg"
  gpgconf --kill all
}

sign_release() { # folder with a Release file
  signing_key
  gpg -q --batch --yes --clearsign -o "$1/InRelease" "$1/Release"
  gpg -q --batch --yes --armor --detach-sign -o "$1/Release.gpg" "$1/Release"
  gpgconf --kill all
}

flat_repository() { # folder
  (cd "$1" && rm -f Release InRelease && apt-ftparchive packages . > Packages && gzip -kf9 Packages &&
    apt-ftparchive -o APT::FTPArchive::Release::Origin=lab release . > "$HOMELAB_LAB/Release.new" && mv "$HOMELAB_LAB/Release.new" Release)
  sign_release "$1"
}

# --- Debian -----------------------------------------------------------------------------------------------------

debian_mirror() {
  local stamp; stamp=$(echo "$DEBIAN_PACKAGES" "$BASE_PACKAGES" timesyncd | sha256sum)
  [ "$(cat "$LAB_WWW/debian/.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  local start=$SECONDS r=$HOMELAB_LAB/fetch www=$LAB_WWW/debian d=failed
  # a throw-away copy of the base with this machine's own apt sources: the ordinary client resolves and downloads
  rm -rf "$r"; cp -a "$HOMELAB_LAB/debootstrap" "$r"
  mkdir -p "$www"; machine_apt "$r"
  cp /dev/null "$LAB_LOG/debian.log"
  mkdir -p "$r/archives"; mount --bind "$www" "$r/archives"
  # first what the base lacks, then the asked-for packages themselves, then updates of what the base has
  # shellcheck disable=SC2086
  fetch_debs "$r" update && fetch_debs "$r" install $DEBIAN_PACKAGES &&
    fetch_debs "$r" --reinstall install $DEBIAN_PACKAGES && fetch_debs "$r" dist-upgrade && d=ok
  # what the packages above take the place of: given back when they go
  fetch_debs "$r" --reinstall install systemd-timesyncd || d=failed
  umount "$r/archives"
  [ "$d" = ok ] || die "downloading Debian packages failed, see $LAB_LOG/debian.log"
  rm -rf --one-file-system "$r" "$www/partial" "$www/lock"
  flat_repository "$www"
  echo "$stamp" > "$www/.stamp"
  say "Debian mirror: $(find "$www" -name '*.deb' | wc -l) packages in $((SECONDS - start)) s"
}

fetch_debs() { # root apt-get-words...
  local r=$1; shift
  chroot "$r" apt-get -qq -y -o Dir::Cache::archives=/archives --download-only --no-install-recommends "$@" >>"$LAB_LOG/debian.log" 2>&1
}

machine_apt() { # root: give it what this machine's apt uses
  rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d
  mkdir -p "$1/etc/apt/sources.list.d"
  cp /etc/apt/sources.list.d/*.sources /etc/apt/sources.list "$1/etc/apt/sources.list.d/" 2>/dev/null || :
  ! grep -rqs . /etc/apt/auth.conf /etc/apt/auth.conf.d || die "this machine's apt needs credentials: set up a plain mirror"
  cp /etc/hosts "$1/etc/hosts"; cp -L /etc/resolv.conf "$1/etc/resolv.conf"
  apt-config dump | grep -E '^Acquire::(http|https)::Proxy |^Acquire::Check-' > "$1/etc/apt/apt.conf.d/99machine" || :
}

# --- Kubernetes and containerd ----------------------------------------------------------------------------------

deb() { # root folder, package, version, depends, output folder
  mkdir -p "$1/DEBIAN"
  printf '%s\n' "Package: $2" "Version: $3" 'Architecture: amd64' 'Maintainer: lab <lab@lab.invalid>' \
    'Section: admin' 'Priority: optional' ${4:+"Depends: $4"} "Description: $2, built for the lab" > "$1/DEBIAN/control"
  # the same files, the same package: one that is built again must not look like another to who has read the index
  SOURCE_DATE_EPOCH=1767225600 dpkg-deb -Zgzip -z1 --root-owner-group -b "$1" "$5/$2_${3}_amd64.deb" >/dev/null
}

kube_debs() {
  local start=$SECONDS t=$HOMELAB_LAB/deb-build stamp
  local k="$LAB_WWW/kubernetes/core:/stable:/$KUBE_MINOR/deb" d=$LAB_WWW/docker/linux/debian
  stamp=$(cd "$LAB_BIN" && for b in "${KUBE_TOOLS[@]}"; do cat ".$b.version"; done; sha256sum < "$LAB_SRC/debs.sh")
  [ "$(cat "$LAB_WWW/.kube-stamp" 2>/dev/null)" != "$stamp" ] || return 0
  rm -rf "$t" "$k"; mkdir -p "$k" "$t"
  kubernetes_packages "$t" "$k" "${KUBE_VERSION#v}-1.1"
  flat_repository "$k"; cp "$HOMELAB_LAB/apt-key.asc" "$k/Release.key"
  docker_packages "$t" "$d"
  rm -rf "$t"
  echo "$stamp" > "$LAB_WWW/.kube-stamp"
  say "Kubernetes and Docker repositories in $((SECONDS - start)) s"
}

kubernetes_packages() { # work folder, output folder, version
  local t=$1 out=$2 v=$3 b
  for b in kubeadm kubectl kubelet; do install -D "$LAB_BIN/$b" "$t/$b/usr/bin/$b"; done
  install -D "$LAB_BIN/crictl" "$t/cri-tools/usr/bin/crictl"
  mkdir -p "$t/kubernetes-cni/opt/cni/bin"
  cp /usr/lib/cni/{bridge,host-local,loopback,portmap,bandwidth,tuning,ptp,firewall} "$t/kubernetes-cni/opt/cni/bin/"
  install -D -m 644 /dev/stdin "$t/kubelet/usr/lib/systemd/system/kubelet.service" <<'U'
[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
U
  # shellcheck disable=SC2016  # systemd expands these
  install -D -m 644 /dev/stdin "$t/kubeadm/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf" <<'U'
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
U
  mkdir -p "$t/kubelet/DEBIAN"
  install -m 755 /dev/stdin "$t/kubelet/DEBIAN/postinst" <<'P'
#!/bin/sh
mkdir -p /etc/kubernetes/manifests
[ ! -d /run/systemd/system ] || { systemctl daemon-reload; systemctl enable -q kubelet; }
P
  deb "$t/kubernetes-cni" kubernetes-cni $CNI_DEB '' "$out"
  deb "$t/cri-tools" cri-tools $CRITOOLS_DEB '' "$out"
  deb "$t/kubectl" kubectl "$v" '' "$out"
  deb "$t/kubelet" kubelet "$v" 'iptables (>= 1.4.21), kubernetes-cni (>= 1.2.0), iproute2, mount, util-linux' "$out"
  deb "$t/kubeadm" kubeadm "$v" 'cri-tools (>= 1.30.0)' "$out"
}

docker_packages() { # work folder, repository folder
  local t=$1/containerd.io repo=$2 b version pool=dists/bookworm/pool/stable/amd64
  version=$(cut -d' ' -f1 "$LAB_BIN/.containerd.version"); version=${version##*@v}
  for b in containerd ctr containerd-shim-runc-v2; do install -D "$LAB_BIN/$b" "$t/usr/bin/$b"; done
  install -D "$(command -v runc)" "$t/usr/bin/runc"
  # as Docker ships it: the part Kubernetes needs is off
  printf '#   Copyright 2018-2022 Docker Inc.\n\ndisabled_plugins = ["cri"]\n' |
    install -D -m 644 /dev/stdin "$t/etc/containerd/config.toml"
  install -D -m 644 /dev/stdin "$t/lib/systemd/system/containerd.service" <<'U'
[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target dbus.service

[Service]
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/bin/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
U
  mkdir -p "$t/DEBIAN"; echo /etc/containerd/config.toml > "$t/DEBIAN/conffiles"
  install -m 755 /dev/stdin "$t/DEBIAN/postinst" <<'P'
#!/bin/sh
[ ! -d /run/systemd/system ] || { systemctl daemon-reload; systemctl enable -q containerd; systemctl restart containerd; }
P
  rm -rf "$repo"; mkdir -p "$repo/$pool" "$repo/dists/bookworm/stable/binary-amd64"
  deb "$t" containerd.io "$version-1~debian.12~bookworm" 'libc6 (>= 2.34), libseccomp2 (>= 2.5.0)' "$repo/$pool"
  (
    cd "$repo" || exit
    apt-ftparchive packages $pool > dists/bookworm/stable/binary-amd64/Packages
    gzip -k9 dists/bookworm/stable/binary-amd64/Packages
    local o=APT::FTPArchive::Release
    apt-ftparchive -o $o::Origin=Docker -o $o::Label='Docker CE' -o $o::Suite=bookworm -o $o::Codename=bookworm \
      -o $o::Architectures=amd64 -o $o::Components=stable release dists/bookworm > "$HOMELAB_LAB/Release.new"
    mv "$HOMELAB_LAB/Release.new" dists/bookworm/Release
  )
  sign_release "$repo/dists/bookworm"
  cp "$HOMELAB_LAB/apt-key.asc" "$repo/gpg"
}
