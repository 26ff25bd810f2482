# fsync.sh: prints how many seconds the disk takes for one small write that must be safe, as etcd makes them all the
# time: the mean of 40. The file it writes is gone afterwards.
# not kept: the file is its own
set -eu
file=$(mktemp /var/lib/.homelab-fsync.XXXXXX)
trap 'rm -f "$file"' EXIT
LC_ALL=C dd if=/dev/zero of="$file" bs=2300 count=40 oflag=dsync 2>&1 |
  sed -n 's/.* \([0-9.e-]*\) s, .*/\1/p' | awk '{ printf "%.6f\n", $1 / 40 }'
