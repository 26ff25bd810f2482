# shellcheck shell=bash
# tools.sh - build real programs with the ordinary Go client.  Source it after env.sh.
#   build_tools TSV [NAME...]   build the rows of TSV (all, or those named) into $LAB_BIN
# A row: name, module, version, package, extra.  'extra' is passed to gomod.py; its 'drop=REGEX' means: build a copy of
# the package's Go files without the lines that match (a back end whose own modules are not to be had); 'tags=A,B': with
# these build tags, and with C (SQLite is a C library).

build_tools() {
  local tsv=$1 name module version package extra; shift
  mkdir -p "$LAB_BIN" "$HOMELAB_LAB/mod" "$LAB_LOG"
  local rows row
  mapfile -t rows < <(grep -v '^#' "$tsv")
  for row in "${rows[@]}"; do
    IFS=$'\t' read -r name module version package extra <<<"$row"
    [ -n "$name" ] || continue
    [ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
    tool_is_current "$name" "$module@$version $package $extra" && continue
    # one build at a time on the whole machine: two at once only make both slower
    (
      flock 9
      tool_is_current "$name" "$module@$version $package $extra" ||
        build_one "$name" "$module" "$version" "$package" "$extra"
    ) 9>"$HOMELAB_LAB/build.lock" || die "could not build $name, see $LAB_LOG/build-$name.log"
  done
}

tool_is_current() { # name, what the stamp must say
  [ -x "$LAB_BIN/$1" ] && [ "$(cat "$LAB_BIN/.$1.version" 2>/dev/null)" = "$2" ]
}

build_one() {
  local name=$1 module=$2 version=$3 package=$4 extra=$5
  local dir=$HOMELAB_LAB/mod/$name log=$LAB_LOG/build-$name.log start=$SECONDS target=$package
  rm -rf "$dir" "$LAB_BIN/.$name.version"; mkdir -p "$dir"
  (
    cd "$dir"
    export CGO_ENABLED=0 GOFLAGS='-buildvcs=false -mod=mod'
    if [[ $extra =~ tags=([^\;]*) ]]; then CGO_ENABLED=1 GOFLAGS+=" -tags=${BASH_REMATCH[1]}"; fi
    python3 "$LAB_SRC/gomod.py" "$module" "$version" "$package" "$extra"
    if [[ $extra =~ drop=([^\;]*) ]]; then
      copy_without "$package" "${BASH_REMATCH[1]}"; target=./main; rm tools.go
    fi
    go mod tidy -e
    go build -trimpath -ldflags "$(link_flags "$module" "$version")" -o "$LAB_BIN/$name.new" "$target"
  ) >"$log" 2>&1 </dev/null 9>&- || { tail -5 "$log" >&2; return 1; }
  mv "$LAB_BIN/$name.new" "$LAB_BIN/$name"
  echo "$module@$version $package $extra" > "$LAB_BIN/.$name.version"
  say "built $name $version in $((SECONDS - start)) s"
}

copy_without() { # package regex: its Go files into ./main, less the matching lines
  local from; from=$(go list -f '{{.Dir}}' "$1")
  mkdir main
  local f; for f in "$from"/*.go; do
    [[ $f = *_test.go ]] || sed -E "\\#$2#d" "$f" > "main/${f##*/}"
  done
}

link_flags() { # module version: Kubernetes' programs refuse to work together without a version
  local flags='-s -w' p
  if [ "$1" = k8s.io/kubernetes ]; then
    local minor=${2#v1.}
    for p in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
      flags+=" -X $p.gitVersion=$2 -X $p.gitMajor=1 -X $p.gitMinor=${minor%%.*} -X $p.gitTreeState=clean"
      flags+=" -X $p.gitCommit=lab -X $p.buildDate=2026-01-01T00:00:00Z"
    done
  elif [ "$1" = github.com/containerd/containerd/v2 ]; then
    flags+=" -X $1/version.Version=$2 -X $1/version.Revision=lab"
  elif [ "$1" = tailscale.com ]; then
    flags+=" -X $1/version.shortStamp=${2#v} -X $1/version.longStamp=${2#v}-lab"
  fi
  echo "$flags"
}
