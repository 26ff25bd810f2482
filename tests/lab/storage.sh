#!/bin/bash
# storage.sh - what makes room for apps' data: local-path-provisioner, and a shell for its helper.
#   lab storage build      both images (skips what is there)
# Real: the provisioner, of an older release, since newer ones can't be had as Go modules. It has no page for probes yet:
# the lab's whoami answers in its place.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/env.sh"
. "$LAB_SRC/tools.sh"
. "$LAB_SRC/images.sh"
. "$LAB_SRC/charts.sh"

LOCAL_PATH_VERSION=v0.0.37             # as a cluster asks for it; tools-storage.tsv says which it is
BUSYBOX_VERSION=1.37.0
KEPT=$HOMELAB_LAB/storage-refs

storage_build() {
  local stamp
  mkdir -p "$LAB_LOG" "$LAB_BIN" "$LAB_RUN"
  build_tools "$LAB_SRC/tools-storage.tsv"
  build_tools "$LAB_SRC/tools.tsv" crane
  stamp=$(sha256sum "$LAB_BIN"/{local-path-provisioner,whoami} /bin/dash "$LAB_SRC"/{storage,images}.sh | sha256sum)
  [ "$(cat "$HOMELAB_LAB/storage.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  : > "$KEPT"
  IMAGE_ROOT=/                         # this machine is Debian too; its shell and tools do what busybox' would
  image_tree local-path-provisioner
  image_closure local-path-provisioner /bin/sh
  cp "$LAB_BIN/whoami" "$IMAGES/local-path-provisioner/usr/local/bin/"
  cp "$LAB_BIN/local-path-provisioner" "$IMAGES/local-path-provisioner/usr/local/bin/provisioner"
  printf '#!/bin/sh\nwhoami --port "${HEALTH_PORT:-8080}" &\nexec provisioner "$@"\n' \
    > "$IMAGES/local-path-provisioner/usr/local/bin/local-path-provisioner"
  chmod 755 "$IMAGES/local-path-provisioner/usr/local/bin/local-path-provisioner"
  image_kept local-path-provisioner "rancher/local-path-provisioner:$LOCAL_PATH_VERSION" \
    /usr/local/bin/local-path-provisioner '' docker.io
  image_tree busybox
  image_closure busybox /bin/sh /bin/mkdir /bin/chmod /bin/rm /usr/bin/dirname
  image_kept busybox "library/busybox:$BUSYBOX_VERSION" /bin/sh '' docker.io
  stop_daemon build-registry
  echo "$stamp" > "$HOMELAB_LAB/storage.stamp"
}

case ${1:-} in
  build) storage_build ;;
  *) sed -n '2,5p' "$0"; exit 1 ;;
esac
