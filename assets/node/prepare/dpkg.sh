# Finishes what a killed package installation left half done.
set -eu
export DEBIAN_FRONTEND=noninteractive
dpkg --configure -a --force-confdef --force-confold
apt-get -o DPkg::Lock::Timeout=120 -y -f install
