# node-ip.sh ADDRESS: lets kubelet call this node by ADDRESS and by no other, whatever addresses a VPN brings.
set -eu
. keep.sh
file=/etc/default/kubelet
keep "$file"
others=$(sed -n 's/^KUBELET_EXTRA_ARGS=//p' "$file" 2>/dev/null | tail -n 1 | tr -d "\"'" | sed -E 's/--node-ip[= ][^ ]*//g')
{
  grep -v '^KUBELET_EXTRA_ARGS=' "$file" 2>/dev/null || :
  echo "KUBELET_EXTRA_ARGS=\"$(echo $others --node-ip="$1")\""
} >"$file.new"
mv -f "$file.new" "$file"
systemctl restart kubelet
