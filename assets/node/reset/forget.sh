# forget.sh USER KEY: the last of it: when everything else is as it was, homelab's own folder and the KEY with which it
# logs in as USER go. Other keys stay, whoever added them. Ends with 1, and says what, while something is not as it was.
set -eu
. reset/library.sh
left=$(cluster_left; packages_left; files_left; units_left)
[ -z "$left" ] || {
  echo "not as it was: $(echo "$left" | tr '\n' ';')" >&2
  exit 1
}
file=$(getent passwd "$1" | cut -d: -f6)/.ssh/authorized_keys
new=${file%/*}/.authorized_keys.homelab-new
originals=$originals/login
copy=$originals/there/$(encoded "$file")
empty=no
[ ! -e "$originals/absent/$(encoded "$file")" ] || empty=yes
bare=no
[ ! -e "$originals/absent/$(encoded "${file%/*}")" ] || bare=yes

if [ -f "$file" ]; then
  grep -vF -- "$2" "$file" >"$new" || :
  chmod --reference="$file" "$new"
  chown --reference="$file" "$new"
  # shellcheck disable=SC1003  # sed's own word for: a newline at the end
  if [ -f "$copy" ] && sed '$a\' "$copy" | cmp -s - "$new"; then cp -a "$copy" "$new"; fi
  sync "$new"
fi
rm -rf --one-file-system /var/lib/homelab
if [ -f "$new" ]; then
  if [ "$empty" = yes ] && [ ! -s "$new" ]; then rm -f "$new" "$file"; else mv -f "$new" "$file"; fi
  sync "${file%/*}"
fi
if [ "$bare" = yes ]; then rmdir "${file%/*}" 2>/dev/null || :; fi # another key may have come since
