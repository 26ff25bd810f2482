# package.sh VERSION: installs Tailscale at this version, over an older or newer one, and keeps it there.
set -eu
. keep.sh
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none
apt() { apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@"; }
# another repository of this system may be broken; whether Tailscale can be had is decided by the installation
apt update || echo "some package lists could not be fetched; going on with those that could"
set -- -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install -y --no-install-recommends \
  --allow-change-held-packages --allow-downgrades "tailscale=$1"
keep_packages "$@"
apt "$@"
keep_marks tailscale
apt-mark hold tailscale
