"""The texts of system files, before and after; keys of repositories; versions. Tables only."""

from __future__ import annotations

import base64
import tomllib

import pytest

from steps import node_words, nodefiles, openpgp, packages
from wizard import assets
from wizard.demo import effects
from wizard.errors import CommandFailed

LINE = "console=tty1 root=PARTUUID=1-02 rootwait"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (LINE, f"{LINE} cgroup_enable=memory"),
        (f"{LINE}  ", f"{LINE} cgroup_enable=memory"),
        (f"cgroup_enable=memory {LINE}", f"{LINE} cgroup_enable=memory"),
        (f"cgroup_disable=memory {LINE}", f"cgroup_disable=memory {LINE} cgroup_enable=memory"),
        (f"cgroup_enable=memory {LINE} cgroup_disable=memory", f"{LINE} cgroup_disable=memory cgroup_enable=memory"),
        (f"{LINE} cgroup_enable=cpuset", f"{LINE} cgroup_enable=cpuset cgroup_enable=memory"),
        (
            f"{LINE}\ncgroup_enable=memory",
            f"{LINE} cgroup_enable=memory\ncgroup_enable=memory",
        ),  # a second line is inert
    ],
)
def test_cmdline(before, after):
    assert nodefiles.cmdline(before) == after
    assert nodefiles.has_setting(after)
    assert nodefiles.cmdline(after) == after


@pytest.mark.parametrize(
    "text",
    [
        "", LINE, f"{LINE}\ncgroup_enable=memory", f"{LINE} xcgroup_enable=memory", f"{LINE} cgroup_enable=cpuset",
        f"cgroup_enable=memory {LINE} cgroup_disable=memory", f"{LINE} cgroup_enable=memory cgroup_disable=cpu,memory",
    ],
)  # fmt: skip
def test_a_setting_that_the_kernel_does_not_see(text):
    assert not nodefiles.has_setting(text)


@pytest.mark.parametrize(
    ("before", "changed"),
    [
        ("UUID=1 none swap sw 0 0", True),
        ("/swap.img\tnone\tswap\tsw\t0\t0", True),
        ("# UUID=1 none swap sw 0 0", False),
        ("UUID=2 /swap ext4 defaults 0 1", False),
        ("UUID=2 / ext4 defaults 0 1 # swap", False),
        ("", False),
    ],
)
def test_fstab(before, changed):
    after = nodefiles.fstab(before)
    assert (after != before) is changed
    assert after.endswith(before)
    assert nodefiles.fstab(after) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[Main]\n#Mechanism=auto", "[Main]\nMechanism=none\n#Mechanism=auto"),
        ("[Main]\nMechanism=zram\n[Zram]\nRamMultiplier=1", "[Main]\nMechanism=none\n[Zram]\nRamMultiplier=1"),
        ("", "[Main]\nMechanism=none"),
        ("[Zram]\nx=1", "[Zram]\nx=1\n[Main]\nMechanism=none"),
    ],
)
def test_rpi_swap(before, after):
    assert nodefiles.rpi_swap(before).strip() == after
    assert nodefiles.rpi_swap(after) == after


OURS = "# begin homelab\n192.168.1.11 homelab-api\n# end homelab"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("127.0.0.1 localhost\n127.0.1.1 pi-2", f"127.0.0.1 localhost\n127.0.1.1 pi-2\n{OURS}"),
        ("127.0.0.1 localhost pi-2", f"127.0.0.1 localhost pi-2\n{OURS}"),
        ("127.0.0.1 localhost", "127.0.0.1 localhost\n" + OURS.replace("\n# end", "\n127.0.1.1 pi-2\n# end")),
        (f"9.9.9.9 homelab-api\n1.1.1.1 pi-2\n{OURS}", f"1.1.1.1 pi-2\n{OURS}"),
        ("9.9.9.9 homelab-api other\n1.1.1.1 pi-2", f"9.9.9.9 homelab-api other\n1.1.1.1 pi-2\n{OURS}"),
        (f"1.1.1.1 pi-2\n{OURS.replace('.11 ', '.99 ')}\n2.2.2.2 b", f"1.1.1.1 pi-2\n2.2.2.2 b\n{OURS}"),
        ("# pi-2\n", "# pi-2\n" + OURS.replace("\n# end", "\n127.0.1.1 pi-2\n# end")),
        ("1.1.1.1 pi-2\n# begin homelab\n2.2.2.2 b", f"1.1.1.1 pi-2\n2.2.2.2 b\n{OURS}"),  # its end was deleted
    ],
)
def test_hosts(before, after):
    assert nodefiles.hosts(before, ["192.168.1.11"], "pi-2") == after
    assert nodefiles.hosts(after, ["192.168.1.11"], "pi-2") == after


def test_hosts_name_every_control_plane_in_the_order_in_which_they_are_asked():
    one = nodefiles.hosts("127.0.0.1 localhost pi-2", ["192.168.1.11"], "pi-2")
    three = nodefiles.hosts(one, ["192.168.1.12", "192.168.1.11", "192.168.1.13"], "pi-2")
    assert three.splitlines()[1:] == [
        "# begin homelab", "192.168.1.12 homelab-api", "192.168.1.11 homelab-api", "192.168.1.13 homelab-api",
        "# end homelab",
    ]  # fmt: skip
    assert nodefiles.hosts(three, ["192.168.1.11"], "pi-2") == one, "one is removed again"


@pytest.mark.parametrize(
    "settings",
    [
        {"plugins": {"io.containerd.cri.v1.runtime": {"restrict_oom_score_adj": True}}},
        {"oom_score": -999, "debug": {"level": "warn", "format": 'a "quoted" \\ text'}},
        {"plugins": {"a.b": {"list": ["x", 1, 1.5], "tables": [{"k": "v"}], "deep": {"er": {"n": 1}}}}},
        {"version": 4},
        {},
    ],
)
def test_containerds_extra_settings_are_what_was_answered(settings):
    assert tomllib.loads(nodefiles.containerd_extra(settings)) == {"version": 3, **settings}


def test_containerds_files_are_toml():
    pause = "registry.k8s.io/pause:9.9"
    config = tomllib.loads(nodefiles.containerd_config(assets.text("node/containerd-config.toml"), pause))
    assert config["plugins"]["io.containerd.cri.v1.images"]["pinned_images"]["sandbox"] == pause
    assert config["imports"] == ["/etc/containerd/conf.d/*.toml"]
    mirror = tomllib.loads(nodefiles.registry_mirror("http://mirror.lan:5000"))
    assert mirror == {"host": {"http://mirror.lan:5000": {"capabilities": ["pull", "resolve"]}}}


# -- keys -------------------------------------------------------------------------------------------------------

REAL = {name: base64.b64decode(effects.of(f"prepare/fetch-key-{name}")[0].out) for name in ("kubernetes", "containerd")}


@pytest.mark.parametrize("name", REAL)
def test_the_pinned_fingerprints_are_those_of_the_real_keys(name):
    (key,) = openpgp.keys(REAL[name])
    assert key.fingerprint == assets.versions()[name]["key"]
    assert key.data == REAL[name]


def armoured(data: bytes, header: str = "") -> bytes:
    body = base64.encodebytes(data).decode()
    return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n{header}\n{body}=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n".encode()


def test_armour_and_several_keys_in_one_file():
    both = REAL["kubernetes"] + REAL["containerd"]
    assert openpgp.keys(armoured(both)) == openpgp.keys(both)
    assert openpgp.keys(armoured(both, "Version: GnuPG v2.0.15 (GNU/Linux)\n")) == openpgp.keys(both)
    assert [key.data for key in openpgp.keys(both)] == list(REAL.values())


def test_newer_packet_headers_and_keys():
    body = b"\x04" + bytes(60)
    (old,) = openpgp.keys(b"\x98" + bytes([len(body)]) + body)
    (new,) = openpgp.keys(b"\xc6" + bytes([len(body)]) + body)
    assert old.fingerprint == new.fingerprint
    long = b"\x06" + bytes(400)
    (six,) = openpgp.keys(b"\xc6" + bytes([192 + ((len(long) - 192) >> 8), (len(long) - 192) & 255]) + long)
    (same,) = openpgp.keys(b"\xc6\xff" + len(long).to_bytes(4) + long)
    assert six.fingerprint == same.fingerprint
    assert len(six.fingerprint) == 64


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<html>", b"\x98", b"\x99\x01", b"\x98\x05\x04", b"\x98\x02\x03\x00", b"\xb4\x01a", b"\xc6\xe5abc",
        b"\x9b\x04",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nno blank line", armoured(b"x").replace(b"=abcd", b"!!!!"),
        REAL["containerd"][:-3], b"\xb4\x01a" + REAL["kubernetes"],
    ],
)  # fmt: skip
def test_what_is_no_key(data):
    with pytest.raises(ValueError, match=r"OpenPGP|armoured"):
        openpgp.keys(data)


def test_a_fingerprint_is_shown_as_people_compare_it():
    assert openpgp.readable("DE15B14486CD") == "DE15 B144 86CD"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("[preflight] Running\n\t[ERROR Port-10250]: Port 10250 is in use\nerror: preflight failed",
         "[ERROR Port-10250]: Port 10250 is in use"),
        ("Err:1 http://mirror\nE: Unable to locate package kubelet\nE: Unable to locate package kubelet",
         "E: Unable to locate package kubelet"),
        ("dpkg: error processing package kubelet", "dpkg: error processing package kubelet"),
        ("\x1b[31merror: execution phase wait-control-plane\x1b[0m", "error: execution phase wait-control-plane"),
        ("something else", ""),
    ],
)  # fmt: skip
def test_why_an_installation_failed(output, words):
    assert " | ".join(node_words.reasons(output)) == words


PULL = (
    'failed to pull image "registry.k8s.io/kube-apiserver:v1.36.4": failed to resolve reference "registry.k8s.io/kube-a'
    'piserver:v1.36.4": failed to do request: Head "https://registry.k8s.io/v2/": dial tcp'
)


@pytest.mark.parametrize(
    ("output", "what", "fix"),
    [
        ("Err:1 http://a.org x InRelease\n  Temporary failure resolving 'a.org'\nE: You don't have enough free space in"
         " /var/cache/apt/archives/.", "There is no room left on atlas.", "sudo apt clean"),
        ("W: Failed to fetch https://pkgs.k8s.io/x/InRelease  Could not connect to pkgs.k8s.io:443 (1.2.3.4), "
         "connection timed out\nE: Version '1.36.4-1.1' for 'kubelet' was not found", "atlas could not fetch", "ping"),
        ("E: Version '1.36.4-1.1' for 'kubelet' was not found", "atlas does not find a package", "sudo apt update"),
        ("E: dpkg was interrupted, you must manually run 'sudo dpkg --configure -a' to correct the problem.",
         "An earlier installation on atlas was cut off.", "sudo dpkg --configure -a"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (apt-get)",
         "Another program is installing packages on atlas.", "Five minutes"),
        (f"error: {PULL}: lookup registry.k8s.io on 192.168.1.1:53: no such host", "atlas can't look up a name",
         "/etc/resolv.conf"),
        (f"error: {PULL} 34.96.108.209:443: i/o timeout", "atlas could not fetch what it needs", "ping"),
        (f"\t[ERROR ImagePull]: {PULL} 34.96.108.209:443: connect: connection refused", "could not fetch", "ping"),
        ("\t[ERROR Port-6443]: Port 6443 is in use", "Port 6443 of atlas is taken", "sport = :6443"),
        ("\t[ERROR FileAvailable--etc-kubernetes-kubelet.conf]: it already exists\ncontext deadline exceeded",
         "does not take atlas as it is", "FileAvailable--etc-kubernetes-kubelet.conf."),
        ("\t[ERROR Mem]: the system RAM (921 MB) is less than the minimum 1700 MB", "does not take atlas as it is",
         "control-plane.ignore_preflight: Mem."),
        ("error: error execution phase preflight: couldn't validate the identity of the API Server: failed to request "
         "the cluster-info ConfigMap: Get https://homelab-api:6443/api: dial tcp 192.168.1.11:6443: connect: connection"
         " refused", "atlas does not reach the control plane.", "port 6443"),
        ("error: error execution phase wait-control-plane: failed while waiting for the control plane to start: context"
         " deadline exceeded", "The control plane on atlas did not come up in time.", "crictl"),
        ("error: error execution phase kubelet-start: kubelet is not healthy after 4m0s: Get http://127.0.0.1:10248/"
         "healthz: dial tcp 127.0.0.1:10248: connect: connection refused", "kubelet does not come up", "journal"),
    ],
)  # fmt: skip
def test_what_a_pi_prints_is_told_with_what_to_do(output, what, fix):
    error = CommandFailed("The script x/y ended with exit code 100.", "", "", host="192.168.1.11", output=output)
    node_words.explain(error, "atlas")
    assert what in error.what and fix in error.fix and error.why.startswith("It says: ")
    assert error.host is None and "x/y" not in str(error)


def test_words_that_nobody_knows_stay_as_they_are():
    error = CommandFailed("The script x/y ended with exit code 3.", "?", "!", host="192.168.1.11", output="segfault")
    node_words.explain(error, "atlas")
    assert str(error) == "atlas: The script x/y ended with exit code 3. ? !"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2.2.4-1~debian.12~bookworm", (2, 2, 4)), ("1.36.4-1.1", (1, 36, 4)), ("5:28.0.1-1", (28, 0, 1)),
        ("1.7.24~ds1-6+b4", (1, 7, 24)), ("2.2", (2, 2)), ("", ()),
    ],
)  # fmt: skip
def test_versions(text, numbers):
    assert packages.version(text) == numbers
