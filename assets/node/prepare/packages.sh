# packages.sh NAME[=VERSION]...: installs packages, without a question and without what they merely recommend.
set -eu
. keep.sh
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none
apt() { apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@"; }
# another repository of this system may be broken; whether what is needed can be had is decided by the installation
apt update || echo "some package lists could not be fetched; going on with those that could"
set -- -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install -y --no-install-recommends \
  --allow-change-held-packages --allow-downgrades "$@"
keep_packages "$@"
apt "$@"
