"""The kubeconfig on this computer, and until when the control planes' certificates are valid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steps import certificates, control_plane, kubeconfig
from steps.control_plane import ControlPlane
from steps.facts import NodeFacts
from wizard.host.certificates import Certificate

FIRST = "192.168.1.11"
HEAD = NodeFacts("b", hostname="b")


def test_certificates_are_remembered_and_again_after_they_were_renewed(stage):
    one = stage(hosts=(FIRST,))
    one.run(ControlPlane())
    assert one.ctx.state.recall("machines", FIRST, "certificates", "until") == "2125-01-01"
    assert one.ctx.state.recall("machines", FIRST, "certificates", "authorities_until") == "2125-12-08"
    one.ctx.state.remember("machines", FIRST, "certificates", value={"until": "2026-01-01"})
    assert one.plan(ControlPlane()) == ["remember until when the certificates on atlas are valid"]
    one.run(ControlPlane())
    assert one.ctx.state.recall("machines", FIRST, "certificates", "until") == "2125-01-01"


def test_expired_certificates_are_named_before_anything_is_waited_for():
    ended = replace(HEAD, certificates=(Certificate("ca.crt", 9e9, True), Certificate("apiserver.crt", 1.7e9)))
    assert certificates.expired(replace(ended, clock_unix=1.7e9 - 1)) is None
    error = certificates.expired(replace(ended, clock_unix=1.7e9))
    assert "2023-11-14" in error.why
    assert "kubeadm certs renew all" in error.fix
    assert certificates.expired(replace(HEAD, clock_unix=2e9)) is None, "nothing is known about them"


@pytest.mark.parametrize(
    ("servers", "until", "fits", "usable"),
    [
        (["a", "b"], 5.0, True, True),
        (["a", "b"], 4.0, False, True),  # the one on the control plane was renewed since
        (["b", "a"], 5.0, False, True),  # another one is the first now
        (["a"], 5.0, False, True),
        (["a", "b", "c"], 5.0, False, True),
        (["x"], 5.0, False, False),
    ],
)
def test_which_kubeconfig_will_do(servers, until, fits, usable):
    held = kubeconfig.Held(tuple(f"https://{each}:6443" for each in servers), until)
    assert held.fits(["a", "b"], 5.0) is fits
    assert held.usable(["a", "b"]) is usable


def test_a_kubeconfig_of_another_cluster_or_none_is_not_held(stage, tmp_path):
    one = stage(hosts=(FIRST,))
    one.run(ControlPlane())
    path, ours = control_plane.kubeconfig_path(one.ctx), one.ctx.state.recall("cluster", "ca_hash")
    assert kubeconfig.held(path, ours).servers == (f"https://{FIRST}:6443",)
    assert kubeconfig.held(path, "sha256:bb") is None
    assert kubeconfig.held(path, "") is None
    for damage in ("", "not: [yaml", "clusters: []"):
        path.write_text(damage)
        assert kubeconfig.held(path, ours) is None
    assert kubeconfig.held(tmp_path / "none", ours) is None
