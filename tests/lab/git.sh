#!/bin/bash
# git.sh - a git server over SSH on the router's address.
#   lab git up | down           start, stop; up makes an empty homelab.git if there is none
#   lab git reset               homelab.git empty again, only the lab's two keys allowed
#   lab git new NAME            one more, empty: NAME.git beside it
#   lab git log [ARGS...]       what lies on its branches
#   lab git allow FILE.pub [ro] let one more key in, read only if asked to     lab git forget FILE.pub
#   lab git protect | unprotect refuse every push, as a protected branch does
# URL: ssh://git@198.18.0.1:2222/srv/git/homelab.git
# The user 'git' and /srv/git exist only in the server's own mount namespace: nothing on the machine changes.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/env.sh"

GIT_HOME=$HOMELAB_LAB/git            # the server sees it as /srv/git
GIT_ETC=$HOMELAB_LAB/git-etc         # its configuration, host keys and passwd
GIT_PORT=2222
GIT_UID=61022                        # free on Debian; owns the repositories
GIT_REPO=$GIT_HOME/homelab.git

git_cmd() {
  case ${1:-} in
    up) git_up ;;
    down) stop_daemon git-sshd ;;
    reset) git_files; rm -rf "$GIT_REPO"; git_repository "$GIT_REPO"; git_keys ;;
    new) git_files; rm -rf "${GIT_HOME:?}/$2.git"; git_repository "$GIT_HOME/$2.git" ;;
    log) shift; git -c safe.directory='*' --git-dir="$GIT_REPO" log --all --decorate "${@:---oneline}" ;;
    allow) git_allow "$2" "${3:-rw}" ;;
    forget) git_forget "$2" ;;
    protect) printf '#!/bin/sh\necho "protected branch" >&2\nexit 1\n' |
      install -m 755 /dev/stdin "$GIT_REPO/hooks/pre-receive" ;;
    unprotect) rm -f "$GIT_REPO/hooks/pre-receive" ;;
    *) sed -n '2,8p' "$0"; exit 1 ;;
  esac
}

git_up() {
  git_files
  sshd_program >/dev/null
  [ -d "$GIT_REPO" ] || git_repository "$GIT_REPO"
  [ -s "$GIT_HOME/.ssh/authorized_keys" ] || git_keys
  # shellcheck disable=SC2016  # expanded by the inner shell
  LD_LIBRARY_PATH=$(sshd_libraries) daemon hw-lan git-sshd unshare -m --propagation private sh -ec '
    mount -t tmpfs -o mode=755 srv /srv; mkdir /srv/git
    mount --bind "$0" /srv/git
    # an overlay: a file bound over /etc/passwd is let go of as soon as some package adds a user to this machine
    mount -t overlay etc -o "lowerdir=/etc,upperdir=$1/etc,workdir=$1/work" /etc
    mount -t tmpfs -o mode=755 run /run; mkdir /run/sshd
    exec "$2" -D -e -f "$1/sshd_config"' "$GIT_HOME" "$GIT_ETC" "$(sshd_program)"
  until_ok 5 ns hw-lan bash -c "exec 3<>/dev/tcp/$LAB_GW/$GIT_PORT" 2>/dev/null ||
    die "no git server on $LAB_GW:$GIT_PORT, see $LAB_LOG/git-sshd.log"
}

git_files() { # keys and configuration; the keys stay once made, so that a pinned host key stays right
  local type f
  mkdir -p "$GIT_HOME/.ssh" "$GIT_ETC"/{etc,work}
  for type in ed25519 ecdsa rsa; do
    f=$GIT_ETC/ssh_host_${type}_key
    [ -f "$f" ] || ssh-keygen -q -t "$type" -N '' -C lab-git -f "$f"
  done
  for f in git_key git_readonly_key; do
    [ -f "$HOMELAB_LAB/$f" ] || ssh-keygen -q -t ed25519 -N '' -C "$f" -f "$HOMELAB_LAB/$f"
  done
  sed "s/^/[$LAB_GW]:$GIT_PORT /" "$GIT_ETC"/ssh_host_*_key.pub > "$HOMELAB_LAB/git_known_hosts"

  [ -s "$GIT_ETC/etc/shadow" ] || git_users "$GIT_ETC/etc"
  cat > "$GIT_ETC/sshd_config" <<C
ListenAddress $LAB_GW:$GIT_PORT
HostKey $GIT_ETC/ssh_host_ed25519_key
HostKey $GIT_ETC/ssh_host_ecdsa_key
HostKey $GIT_ETC/ssh_host_rsa_key
AllowUsers git
AuthorizedKeysFile /srv/git/.ssh/authorized_keys
AuthenticationMethods publickey
UseDNS no
PidFile none
C
}

git_users() { # FOLDER: this machine's users and two more
  local f
  for f in passwd group shadow; do grep -v '^git:\|^sshd:' "/etc/$f" > "$1/$f"; done
  # git-shell as the login shell would refuse forced commands; a '*' is no password, a '!' would lock the key out too
  echo "git:x:$GIT_UID:$GIT_UID::/srv/git:/bin/sh" >> "$1/passwd"
  echo "git:x:$GIT_UID:" >> "$1/group"
  echo 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin' >> "$1/passwd"
  echo 'git:*:19000:0:99999:7:::' >> "$1/shadow"
  chmod 600 "$1/shadow"
}

git_repository() { # PATH: bare and empty, as a new repository at a provider
  git init -q --bare --initial-branch=main "$1"
  chown -R "$GIT_UID:$GIT_UID" "$1"
}

git_keys() {
  : > "$GIT_HOME/.ssh/authorized_keys"
  git_allow "$HOMELAB_LAB/git_key.pub" rw
  git_allow "$HOMELAB_LAB/git_readonly_key.pub" ro
}

git_allow() { # FILE.pub rw|ro
  # shellcheck disable=SC2016  # expanded by the git user's shell
  local run='exec git-shell -c \"$SSH_ORIGINAL_COMMAND\"'
  if [ "$2" = ro ]; then
    # shellcheck disable=SC2016
    run='case $SSH_ORIGINAL_COMMAND in git-upload-pack*) '"$run"' ;; esac; echo ERROR: this key is read only >&2; exit 1'
  fi
  git_forget "$1"
  echo "restrict,command=\"$run\" $(cat "$1")" >> "$GIT_HOME/.ssh/authorized_keys"
}

git_forget() { # FILE.pub
  local keys=$GIT_HOME/.ssh/authorized_keys
  grep -vF "$(cut -d' ' -f1,2 "$1")" "$keys" > "$keys.new" || :
  mv "$keys.new" "$keys"
}

# OpenSSH's server out of Debian's package, which is not installed: installing it would start it on this machine
sshd_program() {
  local dir=$HOMELAB_LAB/openssh
  [ -x "$dir/usr/sbin/sshd" ] || {
    rm -rf "$dir.new"; mkdir -p "$dir.new"
    (cd "$dir.new" && apt-get -qq download openssh-server libwrap0 && for f in *.deb; do dpkg-deb -x "$f" .; done) \
      >"$LAB_LOG/openssh.log" 2>&1 || die "no OpenSSH server, see $LAB_LOG/openssh.log"
    rm -rf "$dir"; mv "$dir.new" "$dir"
  }
  echo "$dir/usr/sbin/sshd"
}
sshd_libraries() { echo "$HOMELAB_LAB/openssh/usr/lib/x86_64-linux-gnu"; }

[ "${BASH_SOURCE[0]}" != "$0" ] || git_cmd "$@"
