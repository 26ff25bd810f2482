# suite.sh URI COMPONENT ARCH PACKAGE SUITE...: prints the first suite in which a package repository has PACKAGE; nothing
# when none has it. Nothing is trusted here: what is installed later is checked against the repository's key.
# not kept: what it writes is a temporary folder
set -eu
uri=$1 component=$2 arch=$3 package=$4
shift 4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
for suite in "$@"; do
  for index in Packages.gz Packages; do
    url=$uri/dists/$suite/$component/binary-$arch/$index
    if said=$(/usr/lib/apt/apt-helper -o Acquire::Retries=3 download-file "$url" "$folder/$suite-$index" 2>&1); then
      if gzip -dcf "$folder/$suite-$index" | grep -qx "Package: $package"; then
        echo "$suite"
        exit 0
      fi
      break
    fi
    case $said in *404*) ;; *) echo "$said" >&2; exit 1 ;; esac
  done
done
