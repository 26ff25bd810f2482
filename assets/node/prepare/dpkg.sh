# Finishes what a killed package installation left half done. A package of which only a part was unpacked is fetched anew.
set -eu
. keep.sh
export DEBIAN_FRONTEND=noninteractive
keep='-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold'
# shellcheck disable=SC2086
apt() { apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 -y $keep "$@"; }
dpkg --configure -a --force-confdef --force-confold || echo "some packages can't be configured as they are"
keep_packages -f install
broken=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^..R //p')
if [ -n "$broken" ]; then
  # shellcheck disable=SC2086
  apt install --reinstall --allow-change-held-packages $broken
fi
apt -f install
dpkg --configure -a --force-confdef --force-confold
