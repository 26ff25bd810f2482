# authorize.sh USER: the public key on stdin may log in as USER from now on. Added once, as that user.
set -eu
. keep.sh
home=$(getent passwd "$1" | cut -d: -f6)
[ -d "$home" ] || {
  echo "the user $1 has no home folder" >&2
  exit 1
}
key=$(cat)
(originals=$originals/login && keep "$home/.ssh/authorized_keys") # given back last: until then homelab logs in with it
# shellcheck disable=SC2016  # expanded by the inner shell
runuser -u "$1" -- sh -euc '
  umask 077
  cd "$1"
  mkdir -p .ssh
  file=.ssh/authorized_keys
  body=$(echo "$2" | cut -d" " -f2)
  ! grep -qF "$body" "$file" 2>/dev/null || exit 0
  [ -z "$(tail -c1 "$file" 2>/dev/null)" ] || echo >>"$file"
  printf "%s\n" "$2" >>"$file"
' sh "$home" "$key"
