# shellcheck shell=bash
# charts.sh - images and charts pushed under the names by which a cluster asks a mirror for them.  Source after images.sh.
# $KEPT is the list of what was pushed, for 'lab gitops versions'.
#   image_of_program PROGRAM REPO:TAG USER REGISTRY-IT-STANDS-FOR   an image with nothing but one program of $LAB_BIN
#   image_kept NAME REPO:TAG PROGRAM USER REGISTRY                  an image of the tree NAME (see images.sh)
#   chart_push REPO FOLDER REGISTRY                                 a chart, its version as tag

image_of_program() {
  image_tree "$1"
  cp "$LAB_BIN/$1" "$IMAGES/$1/usr/local/bin/"
  image_kept "$1" "$2" "/usr/local/bin/$1" "$3" "$4"
}

image_kept() {
  image_push "$1" "$2" "$3" "$4"
  echo "image $5/$2" >> "$KEPT"
}

chart_push() {
  local pushed
  build_registry_start
  pushed=$(python3 "$LAB_SRC/oci_push_chart.py" "http://$BUILD_REGISTRY" "$1" "$2")
  manifest_keep "$BUILD_REGISTRY" "${pushed%@*}"
  say "chart ${pushed%@*}"
  echo "chart oci://$3/$pushed" >> "$KEPT"
}

module_dir() { # MODULE@VERSION: where the Go client keeps it
  (cd / && go mod download -json "$1") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}
