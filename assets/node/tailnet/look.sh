# Prints what Tailscale on this node is and does, in sections like those of facts.sh. Writes nothing, always ends with 0.
# A daemon that does not answer is told apart from one that is not there: the section "silent".
export LC_ALL=C
section() { printf '\n@@ %s\n' "$1"; }
ask() { # SECTION ARG...
  section "$1"
  shift
  timeout -k 1 10 tailscale "$@" </dev/null 2>/dev/null
  case $? in 124 | 137) printf '\n@@ silent\ntailscale %s\n' "$*" ;; esac
}
ask status status --json
ask prefs debug prefs
ask dns dns status --json
section authority
sha256sum </usr/local/share/ca-certificates/homelab-login-server.crt 2>/dev/null
section node-ip # by which address kubelet was told to call this node: its last word counts
kubelet=$(timeout 5 systemctl show -p MainPID --value kubelet.service 2>/dev/null)
if [ "${kubelet:-0}" != 0 ] && told=$(tr '\000' ' ' <"/proc/$kubelet/cmdline" 2>/dev/null); then
  address=$(echo "$told" | grep -oE -- '--node-ip[= ][^ ]+' | tail -n 1)
  echo "${address##*[= ]}" | grep . || echo none
fi
exit 0
