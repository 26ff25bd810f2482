# look.sh USER KEY: prints what of this node is not yet as it was before homelab, in sections like those of facts.sh. Writes
# nothing. KEY is the public key of the wizard's own, without its kind.
set -u
. reset/library.sh
export LC_ALL=C
section() { printf '\n@@ %s\n' "$1"; }
section originals
[ ! -d "$originals" ] || echo yes
section given-back
boot=$(cat /proc/sys/kernel/random/boot_id)
case $(cat "$originals/given-back" 2>/dev/null) in '') ;; "$boot") echo now ;; *) echo earlier ;; esac
section cluster
cluster_left
section tailnet
if grep -qs '^tailscale - none' "$originals/packages" && command -v tailscale >/dev/null; then
  timeout -k 1 10 tailscale status --json 2>/dev/null | sed -n 's/.*"BackendState": "\(Running\|Starting\|Stopped\|NeedsMachineAuth\)".*/\1/p'
fi
section packages
packages_left
section lost
cat "$originals/lost" 2>/dev/null
section files
files_left
section units
units_left
section key
home=$(getent passwd "$1" | cut -d: -f6)
[ -z "$2" ] || ! grep -qsF -- "$2" "$home/.ssh/authorized_keys" || echo yes
exit 0
