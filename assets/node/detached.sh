# detached.sh UNIT DIGEST [ARG...]: runs the script on stdin as the systemd unit UNIT and shows its output. A lost
# connection or a killed wizard does not stop it: the next call finds it running and follows it to its end. DIGEST names
# the work: while other work runs under the same name, this one waits for it. With the DIGEST "any" nothing is begun: what
# runs is followed.
# not kept: what it writes is in memory, and gone with the next boot
set -eu
unit=$1 digest=$2
shift 2
folder=/run/homelab/$unit
umask 077

running() {
  case $(systemctl show -p ActiveState --value "$unit.service") in
    active | activating | deactivating | reloading) return 0 ;;
  esac
  return 1
}

follow() { # the output so far and what comes, until the unit has ended
  shown=0 more=1
  while [ "$more" = 1 ]; do
    running || more=0 # asked first: what is printed before the end is still read below
    lines=$(wc -l <"$folder/log")
    if [ "$lines" -gt "$shown" ]; then
      tail -n "+$((shown + 1))" "$folder/log" | head -n "$((lines - shown))"
      shown=$lines
    fi
    [ "$more" = 0 ] || sleep 0.2
  done
  tail -n "+$((shown + 1))" "$folder/log" # a last line without an end
  if [ ! -s "$folder/exit" ]; then
    echo "$unit was killed before it had finished" >&2
    exit 137
  fi
  exit "$(cat "$folder/exit")"
}

if running; then
  case $digest in any | "$(cat "$folder/digest" 2>/dev/null)") follow ;; esac
fi
[ "$digest" != any ] || exit 0
while running; do sleep 0.5; done

rm -rf "$folder"
mkdir -p "$folder"
cat >"$folder/script"
echo "$digest" >"$folder/digest"
: >"$folder/log"
cat >"$folder/run" <<'RUN' # a file, since systemd would expand what looks like a variable in a command line
folder=$1
shift
sh "$folder/script" "$@" >"$folder/log" 2>&1 </dev/null
code=$?
echo "$code" >"$folder/exit"
exit "$code"
RUN
systemd-run --quiet --collect --unit="$unit" --property=KillMode=process --setenv=LC_ALL=C --setenv=HOME=/root \
  /bin/sh "$folder/run" "$folder" "$@"
follow
