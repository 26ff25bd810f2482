"""What a known_hosts file says about a host, and the words for a key that changed."""

import pytest

from wizard.errors import TrustError
from wizard.host import trust

ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"  # github.com's, public
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf"  # gitlab.com's, public
RSA_CUT = "ssh-rsa AAAAB3NzaC1yc2E"


def test_the_fingerprint_is_the_one_that_openssh_prints():
    # github.com publishes this one
    assert trust.host_key(ED).fingerprint == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


@pytest.mark.parametrize(
    "text", ["", "ssh-ed25519", "ssh-ed25519 !!", "ssh-dss AAAAB3NzaC1kc3M=", RSA_CUT, "ssh-rsa " + ED.split()[1]]
)
def test_damaged_and_unused_keys_are_refused(text):
    with pytest.raises(ValueError, match="key"):
        trust.host_key(text)


@pytest.mark.parametrize(
    ("line", "address", "port", "found"),
    [
        (f"10.0.0.1 {ED}", "10.0.0.1", 22, True),
        (f"10.0.0.1 {ED} a comment", "10.0.0.1", 22, True),
        (f"10.0.0.1,pi1 {ED}", "pi1", 22, True),
        (f"10.0.0.1\t{ED}", "10.0.0.1", 22, True),
        (f"10.0.0.1 {ED}", "10.0.0.11", 22, False),
        (f"10.0.0.1 {ED}", "10.0.0.1", 2222, False),
        (f"[10.0.0.1]:2222 {ED}", "10.0.0.1", 2222, True),
        (f"[10.0.0.1]:2222 {ED}", "10.0.0.1", 22, False),
        (f"10.0.0.* {ED}", "10.0.0.7", 22, True),
        (f"10.0.0.*,!10.0.0.7 {ED}", "10.0.0.7", 22, False),
        (f"10.0.0.? {ED}", "10.0.0.77", 22, False),
        (f"# 10.0.0.1 {ED}", "10.0.0.1", 22, False),
        (f"@cert-authority 10.0.0.1 {ED}", "10.0.0.1", 22, False),
        (f"@revoked 10.0.0.1 {ED}", "10.0.0.1", 22, False),
        (f"10.0.0.1 {RSA_CUT}", "10.0.0.1", 22, False),
        ("|1|broken", "10.0.0.1", 22, False),
        (f"|1|broken {ED}", "10.0.0.1", 22, False),
    ],
)  # fmt: skip
def test_lines(tmp_path, line, address, port, found):
    file = tmp_path / "known_hosts"
    file.write_text(f"damaged line\n{line}\n")
    assert [key.base64 for key in trust.known_hosts(file, address, port).keys] == ([ED.split()[1]] if found else [])


def test_hashed_names(tmp_path):
    lines = [f"{hashed('10.0.0.1')} {ED}", f"{hashed('[10.0.0.2]:2222')} {OTHER}"]
    file = tmp_path / "known_hosts"
    file.write_text("\n".join(lines))
    assert [key.base64 for key in trust.known_hosts(file, "10.0.0.1").keys] == [ED.split()[1]]
    assert [key.base64 for key in trust.known_hosts(file, "10.0.0.2", 2222).keys] == [OTHER.split()[1]]
    assert trust.known_hosts(file, "10.0.0.2").keys == ()


def hashed(name: str) -> str:
    from paramiko.hostkeys import HostKeys

    return HostKeys.hash_host(name)


def test_a_revoked_key_is_not_used_even_where_it_is_listed_too(tmp_path):
    file = tmp_path / "known_hosts"
    file.write_text(f"10.0.0.1 {ED}\n10.0.0.1 {OTHER}\n@revoked * {ED}\n")
    known = trust.known_hosts(file, "10.0.0.1")
    assert [key.base64 for key in known.keys] == [OTHER.split()[1]]
    assert [key.base64 for key in known.revoked] == [ED.split()[1]]


def test_a_missing_file_knows_nobody(tmp_path):
    assert trust.known_hosts(tmp_path / "none", "10.0.0.1").keys == ()


def test_only_algorithms_of_the_pinned_kinds_are_offered_and_never_sha1():
    assert trust.algorithms(["ssh-rsa"]) == ["rsa-sha2-512", "rsa-sha2-256"]
    assert trust.algorithms(["ssh-rsa", "ssh-ed25519"])[0] == "ssh-ed25519"
    assert "ssh-rsa" not in trust.algorithms(trust.ALGORITHMS)


def test_a_changed_key_is_told_with_both_fingerprints():
    told = trust.changed("pi1", [trust.host_key(ED)], [trust.host_key(OTHER)], then="remove it:\nssh-keygen -R pi1\n")
    assert "ssh-keygen -R pi1\nIf you have not" in told.fix, "a command on a line of its own, nothing before the next"
    error = trust.changed("pi1", [trust.host_key(ED)], [trust.host_key(OTHER)])
    assert isinstance(error, TrustError)
    assert trust.host_key(ED).fingerprint in error.why
    assert trust.host_key(OTHER).fingerprint in error.why
    assert "re-flashed" in error.fix
