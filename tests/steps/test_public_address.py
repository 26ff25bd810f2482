"""Whether ports can be forwarded: the router's own address beside the one that the internet sees."""

import pytest

from steps.public_address import judge

PUBLIC = "203.0.113.7"


@pytest.mark.parametrize(
    ("wan", "public", "code", "words"),
    [
        ("", PUBLIC, "unknown", ""),
        ("", "", "unknown", ""),
        (PUBLIC, PUBLIC, "open", ""),
        (PUBLIC, "", "open", ""),
        ("100.64.0.1", PUBLIC, "cgnat", "CGNAT"),
        ("100.127.255.254", "", "cgnat", "VPN only"),
        ("100.128.0.1", "100.128.0.1", "open", ""),
        ("192.168.178.2", PUBLIC, "behind", "another router"),
        ("10.11.12.13", PUBLIC, "behind", PUBLIC),
        ("172.31.0.9", "", "behind", "private"),
        ("172.32.0.9", "172.32.0.9", "open", ""),
        ("0.0.0.0", PUBLIC, "none", "DS-Lite"),
        ("198.51.100.4", PUBLIC, "differs", "a VPN"),
    ],
)
def test_the_verdict(wan: str, public: str, code: str, words: str) -> None:
    found = judge(wan, public)
    assert found.code == code and words in found.text
    assert bool(found.text) == (code not in ("open", "unknown"))
    assert found.closed == (code in ("cgnat", "behind", "none"))
    assert not found.text or "answer No at the router" in found.text, "the way on is offered"
