# shellcheck shell=bash
# mirror.sh - the programs behind 198.18.0.1, all in hw-lan.  Source it after env.sh, net.sh, images.sh.
#   tcp 8000  apt repositories, downloads, git over HTTP (httpd.py)
#   tcp 5000  OCI registry (crane); its manifests live in memory and are put back from $HOMELAB_LAB/manifests
#   udp  123  time: this machine's clock, handed out and never touched (chronyd -x)

serve() {
  net_up
  mkdir -p "$LAB_WWW" "$LAB_GIT" "$HOMELAB_LAB/registry"
  # /usr/bin/python3: a version manager's shim would put a shell between the pid we keep and the server
  daemon hw-lan http /usr/bin/python3 -u "$LAB_SRC/httpd.py" "$LAB_GW" 8000 "$LAB_WWW" "$LAB_GIT"
  until_ok 5 listening 8000 || die "no web server, see $LAB_LOG/http.log"
  if [ -x "$LAB_BIN/crane" ] && ! daemon_running registry; then
    daemon hw-lan registry "$LAB_BIN/crane" registry serve --address "$LAB_REGISTRY" --disk "$HOMELAB_LAB/registry"
    until_ok 5 listening 5000 || die "no registry, see $LAB_LOG/registry.log"
    manifests_restore
  fi
  serve_time
}

listening() { ns hw-lan bash -c "exec 3<>/dev/tcp/$LAB_GW/$1" 2>/dev/null; }

# chronyd from the lab's own Debian packages, unpacked and not installed: installing it would start it on this machine
serve_time() {
  local debs=("$LAB_WWW"/debian/chrony_*.deb) dir=$HOMELAB_LAB/chrony
  [ -e "${debs[0]}" ] || return 0
  [ -x "$dir/usr/sbin/chronyd" ] || dpkg-deb -x "${debs[0]}" "$dir"
  printf '%s\n' "bindaddress $LAB_GW" "allow $LAB_NET.0/24" 'local stratum 8' 'cmdport 0' \
    "pidfile $dir/chronyd.pid" > "$dir/lab.conf"
  # -x: never touch the clock; the capability to do it is taken away as well
  daemon hw-lan time setpriv --bounding-set=-sys_time --inh-caps=-sys_time \
    "$dir/usr/sbin/chronyd" -d -x -u root -f "$dir/lab.conf"
}

unserve() {
  local n; for n in time registry http; do stop_daemon "$n"; done
}
