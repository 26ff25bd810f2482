"""Whatever changes a node keeps what was there before: a rule over every script, and the library that does it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from steps import ops
from wizard import assets

NODE = assets.root() / "node"
SCRIPTS = sorted(str(path.relative_to(NODE).with_suffix("")) for path in NODE.rglob("*.sh"))
LIBRARIES = ("keep", "reset/library")

# Kind of change -> how a line looks that makes one, and what has to be called before it.
_WORD = r"(?:^|[;&|({]|\bthen|\bdo|\belse|!|\bif|\b-exec|-- )\s*"
CHANGES = {
    "files": (
        rf"{_WORD}(tee|mv|cp|ln|mkdir|rm|rmdir|install|touch|truncate|dd|chmod|chown|sed -i|ssh-keygen|usermod"
        r"|useradd|userdel|update-ca-certificates|hostnamectl|systemd-machine-id-setup"
        r"|kubeadm (init|join|reset|certs|upgrade))\b"
        r"|-delete\b|(?<![0-9&>])>>?\s*(?!\s*(/dev/(null|kmsg)|&))[\"$/A-Za-z.]",
        r"^\s*\(?(originals=\S+ && )?keep(_undo)? ",
    ),
    "units": (
        r"systemctl [^|;]*\b(enable|disable|mask|unmask|preset|set-default)\b",
        r"\bkeep_units |^\s*keep \"/etc/systemd",
    ),
    "packages": (
        r"\b(apt|apt-get)\b[^|;]*\b(install|remove|purge|autoremove|upgrade)\b|\bapt-mark (hold|unhold|auto|manual)"
        r"|\bdpkg (-i|--install|--purge|--remove|--configure)",
        r"^\s*keep_(packages|marks) ",
    ),
}  # fmt: skip
NOT_KEPT = re.compile(r"^\s*# not kept: \S.{9,}", re.MULTILINE)


def code(script: str) -> list[str]:
    """The lines of a script without comments, quoted texts of messages and here-documents of other programs."""
    lines = [line for line in script.splitlines() if not line.lstrip().startswith("#")]
    return [re.sub(r"\becho \"[^\"]*\"|(?<=\s)#.*$", "", line) for line in lines]


def forgotten(script: str) -> list[str]:
    """The changes in `script` before which nothing is kept, unless it says why."""
    if NOT_KEPT.search(script):
        return []
    found = []
    for kind, (change, keeping) in CHANGES.items():
        kept = re.search(keeping, script, re.MULTILINE)
        lines = [line.strip() for line in code(script) if re.search(change, line)]
        found += [] if kept else [f"{kind}: {line}" for line in lines]
    return found


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in LIBRARIES and not name.startswith("reset/")])
def test_a_script_that_changes_a_node_keeps_what_was_there(name: str) -> None:
    """Call keep, keep_units, keep_packages or keep_undo of keep.sh first, or say why not: ``# not kept: WHY``."""
    script = (NODE / f"{name}.sh").read_text()
    assert forgotten(script) == []
    if re.search(r"^\s*\(?.*\bkeep(_[a-z]+)? ", "\n".join(code(script)), re.MULTILINE):
        assert re.search(r"^\. keep\.sh$", script, re.MULTILINE), "the library is included"


@pytest.mark.parametrize(
    "line",
    [
        'echo x >"$file"', "cat >>/etc/hosts", "sed -i s/a/b/ /etc/fstab", "mkdir -p /etc/x",
        "if true; then rm -f /a; fi", "systemctl enable --now chrony", "systemctl mask a.swap", "apt-mark hold x",
        "apt install -y x", "dpkg --purge x", "find / -name x -delete",
        'hostnamectl set-hostname "$1"', "printf x > /etc/y",
    ],
)  # fmt: skip
def test_the_rule_finds_what_it_is_for(line: str) -> None:
    assert forgotten(f"set -eu\n{line}\n")
    assert not forgotten(f"set -eu\n# not kept: it is of no consequence\n{line}\n")


@pytest.mark.parametrize(
    "line", ["cat /etc/hosts 2>/dev/null", "echo no >&2", "grep -q x <file", "systemctl restart x"]
)
def test_reading_is_no_change(line: str) -> None:
    assert not forgotten(f"set -eu\n{line}\n")


# -- the library ---------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path):
    """Runs shell text after keep.sh, with the originals in a folder of the test's own; returns what it printed."""
    store = tmp_path / "originals"

    def go(text: str, *args: str) -> str:
        whole = f"set -eu\n{ops.text('keep')}\n{text}"
        done = subprocess.run(
            ["sh", "-c", whole, "sh", *args], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=20,
            env={"HOMELAB_ORIGINALS": str(store), "PATH": f"{tmp_path}/bin:/usr/bin:/bin:/usr/sbin", "LC_ALL": "C"},
        )  # fmt: skip
        return done.stdout

    return go


def kept(tmp_path: Path, what: str) -> dict[str, Path]:
    folder = tmp_path / "originals" / what
    return {file.name.replace("%2F", "/").replace("%25", "%"): file for file in folder.iterdir()}


def test_a_file_is_kept_whole_with_mode_and_time(run, tmp_path: Path) -> None:
    file = tmp_path / "odd %2F name"
    file.write_bytes(b"no newline\0at the end")
    file.chmod(0o640)
    subprocess.run(["touch", "-d", "2020-01-02 03:04:05.678", str(file)], check=True)
    before = file.stat()
    run('keep "$1"; echo other >"$1"; keep "$1"', str(file))
    copy = kept(tmp_path, "there")[str(file)]
    assert copy.read_bytes() == b"no newline\0at the end"
    after = copy.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_uid) == (before.st_mode, before.st_mtime_ns, before.st_uid)
    assert (tmp_path / "originals").stat().st_mode & 0o777 == 0o700


def test_what_was_not_there_is_known_with_its_folders(run, tmp_path: Path) -> None:
    run('keep "$1"; mkdir -p "${1%/*}"; echo x >"$1"; keep "$1"', str(tmp_path / "a/b/c"))
    assert set(kept(tmp_path, "absent")) == {str(tmp_path / part) for part in ("a", "a/b", "a/b/c")}
    assert kept(tmp_path, "there") == {}


def test_a_link_is_kept_as_a_link(run, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/nowhere")
    run('keep "$1"', str(tmp_path / "link"))
    assert kept(tmp_path, "there")[str(tmp_path / "link")].readlink() == Path("/nowhere")


def test_what_is_in_memory_or_homelabs_own_is_not_kept(run, tmp_path: Path) -> None:
    run("keep /run/homelab/x /var/lib/homelab/kubeadm.yaml")
    assert kept(tmp_path, "there") == kept(tmp_path, "absent") == {}


def test_nothing_is_changed_when_it_can_not_be_kept(run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "originals").write_text("a file where the folder has to be")
    with pytest.raises(subprocess.CalledProcessError):
        run('keep "$1"; echo other >"$1"', str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


def program(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "bin").mkdir(exist_ok=True)
    (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
    (tmp_path / "bin" / name).chmod(0o755)


def test_units_are_kept_at_their_first_state(run, tmp_path: Path) -> None:
    program(tmp_path, "systemctl", "case $2 in a.*) cat state ;; *) echo not-found; exit 4 ;; esac")
    (tmp_path / "state").write_text("enabled\n")
    run("keep_units a.service b.service; echo disabled >state; keep_units a.service c.service")
    assert (tmp_path / "originals/units").read_text() == "a.service enabled\nb.service absent\nc.service absent\n"


PLAN = """Reading package lists...
The following packages will be REMOVED:
Remv docker.io [20.10.24] []
Inst containerd.io (2.3.4-1 Docker:bookworm [arm64])
Inst iptables [1.8.8-1] (1.8.9-2 Debian:12 [arm64])
Conf containerd.io (2.3.4-1 Docker:bookworm [arm64])"""


def test_an_installation_is_kept_by_what_it_would_do(run, tmp_path: Path) -> None:
    """What apt says it would bring, replace and remove; and packages that were asked for and are there."""
    program(tmp_path, "apt-get", f"case $* in *-s*) echo '{PLAN}' ;; esac; echo \"$*\" >>calls")
    program(tmp_path, "apt-mark", "echo socat")
    program(tmp_path, "dpkg", ":")
    program(
        tmp_path, "dpkg-query",
        'for n; do :; done; case "$3 $n" in *Package*socat) echo socat ;; *Want*socat) echo 1.7 install installed ;; '
        "*docker.io) echo 20.10.24 hold installed ;; *iptables) echo 1.8.8-1 install installed ;; *) exit 1 ;; esac",
    )  # fmt: skip
    run("keep_places() { :; }; keep_packages install -y containerd.io socat=1.7")
    assert (tmp_path / "originals/packages").read_text().splitlines() == [
        "containerd.io - none auto", "docker.io 20.10.24 hold manual", "iptables 1.8.8-1 install manual",
        "socat 1.7 install auto",
    ]  # fmt: skip
    assert (tmp_path / "originals/brought").read_text().split() == ["containerd.io=2.3.4-1", "iptables=1.8.9-2"]
    assert (
        (tmp_path / "calls").read_text().splitlines()[-1].endswith("install -y containerd.io socat=1.7 --download-only")
    )


def test_an_include_is_put_where_it_is_named() -> None:
    text = ops.text("write")
    assert "\n. keep.sh\n" not in text
    assert text.index("keep() (") < text.index('keep "$path"') < text.index('mv -f "$new" "$path"')
