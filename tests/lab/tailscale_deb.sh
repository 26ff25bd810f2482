# shellcheck shell=bash
# tailscale_deb.sh - Tailscale's programs, its apt repository, and what a node needs before it is installed.
# Source it after env.sh, tools.sh, debs.sh.
#   $LAB_WWW/tailscale/stable/debian   as pkgs.tailscale.com: dists/bookworm, pool, bookworm.noarmor.gpg
# tailscale_repository, tailnet_base ROOT, certificate: see there.

CA=$HOMELAB_LAB/headscale_ca.crt      # kept, because the nodes' file system trusts it
HEADSCALE=198.18.64.1
TAILSCALE_VERSION=1.102.3

tailnet_build() { build_tools "$LAB_SRC/tools-gitops.tsv" headscale tailscale tailscaled; }

certificate() { # a CA of the home's own, as someone with their own headscale may have
  local d=$HOMELAB_LAB/headscale-tls
  [ ! -s "$d/server.crt" ] || return 0
  (umask 077; mkdir -p "$d")
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=lab CA' \
    -keyout "$d/ca.key" -out "$CA" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$HEADSCALE" \
    -keyout "$d/server.key" -out "$d/server.csr" 2>/dev/null
  openssl x509 -req -in "$d/server.csr" -CA "$CA" -CAkey "$d/ca.key" -CAcreateserial -days 800 \
    -extfile <(echo "subjectAltName=IP:$HEADSCALE") -out "$d/server.crt" 2>/dev/null
}

tailscaled_defaults() { printf 'PORT="41641"\nFLAGS=""\nTS_NO_LOGS_NO_SUPPORT=true\n'; }

tailnet_base() { # ROOT
  certificate
  install -m 644 "$CA" "$1/usr/local/share/ca-certificates/lab-headscale.crt"
  chroot "$1" update-ca-certificates >/dev/null 2>&1
  # The same file as in the package below, so that dpkg has nothing to ask. The drop-in says it once more, because a
  # user may rewrite the file, and the package starts the daemon at once.
  tailscaled_defaults > "$1/etc/default/tailscaled"
  printf '[Service]\nEnvironment=TS_NO_LOGS_NO_SUPPORT=true\n' |
    install -D -m 644 /dev/stdin "$1/etc/systemd/system/tailscaled.service.d/lab.conf"
}

tailscale_repository() { # as pkgs.tailscale.com: unit and maintainer scripts are upstream's own, out of the module
  local repo=$LAB_WWW/tailscale/stable/debian t=$HOMELAB_LAB/deb-tailscale pool=pool src stamp s o=APT::FTPArchive::Release
  stamp=$(cat "$LAB_BIN"/.tailscale{,d}.version; sha256sum "$LAB_SRC/tailscale_deb.sh")
  [ "$(cat "$repo/.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  src=$(cd "$HOMELAB_LAB/mod/tailscaled" && GOFLAGS=-mod=mod go list -m -f '{{.Dir}}' tailscale.com)
  rm -rf "$t" "$repo"; mkdir -p "$t/DEBIAN"
  install -D "$LAB_BIN/tailscale" "$t/usr/bin/tailscale"
  install -D "$LAB_BIN/tailscaled" "$t/usr/sbin/tailscaled"
  install -D -m 644 "$src/cmd/tailscaled/tailscaled.service" "$t/lib/systemd/system/tailscaled.service"
  tailscaled_defaults | install -D -m 644 /dev/stdin "$t/etc/default/tailscaled"
  echo /etc/default/tailscaled > "$t/DEBIAN/conffiles"
  for s in postinst postrm prerm; do install -m 755 "$src/release/deb/debian.$s.sh" "$t/DEBIAN/$s"; done
  mkdir -p "$repo/$pool" "$repo/dists/bookworm/main/binary-amd64"
  deb "$t" tailscale "$TAILSCALE_VERSION" iptables "$repo/$pool"
  (
    cd "$repo" || exit
    apt-ftparchive packages $pool > dists/bookworm/main/binary-amd64/Packages
    gzip -k9 dists/bookworm/main/binary-amd64/Packages
    apt-ftparchive -o $o::Origin=Tailscale -o $o::Label=Tailscale -o $o::Suite=bookworm -o $o::Codename=bookworm \
      -o $o::Architectures=amd64 -o $o::Components=main release dists/bookworm > "$HOMELAB_LAB/Release.tailscale"
    mv "$HOMELAB_LAB/Release.tailscale" dists/bookworm/Release
  )
  sign_release "$repo/dists/bookworm"
  cp "$HOMELAB_LAB/apt-key.gpg" "$repo/bookworm.noarmor.gpg"; cp "$HOMELAB_LAB/apt-key.asc" "$repo/bookworm.asc"
  echo "deb [signed-by=/usr/share/keyrings/tailscale-archive-keyring.gpg] $LAB_HTTP/tailscale/stable/debian bookworm main" \
    > "$repo/bookworm.tailscale-keyring.list"
  rm -rf "$t"
  echo "$stamp" > "$repo/.stamp"
  say "tailscale $TAILSCALE_VERSION packed"
}
