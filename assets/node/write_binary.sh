# write_binary.sh PATH MODE: like write.sh, with the content in base64 on stdin.
set -eu
. keep.sh
path=$1
folder=${path%/*}
keep "$path"
new=$folder/.${path##*/}.homelab-new
mkdir -p "$folder"
umask 077
base64 -d >"$new"
chmod "$2" "$new"
sync "$new"
mv -f "$new" "$path"
sync "$folder"
