# write.sh PATH MODE [once]: what comes on stdin becomes the file PATH, as a whole or not at all: a kill or a power cut
# leaves the old file or the new one. With "once" a file that is there already stays.
set -eu
. keep.sh
path=$1
[ "${3:-}" != once ] || [ ! -e "$path" ] || exit 0
folder=${path%/*}
keep "$path"
new=$folder/.${path##*/}.homelab-new
mkdir -p "$folder"
umask 077
cat >"$new"
chmod "$2" "$new" 2>/dev/null || : # a FAT boot partition has no modes
sync "$new"
mv -f "$new" "$path"
sync "$folder"
