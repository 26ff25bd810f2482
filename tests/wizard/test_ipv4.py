"""Addresses, ranges and networks as they are typed: what is taken, and the one sentence about what is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wizard.ipv4 import address, network, span

RIGHT: list[tuple[Callable[[str], str], str, str]] = [
    (address, "192.168.1.50", "192.168.1.50"),
    (address, "0.0.0.0", "0.0.0.0"),
    (span, "192.168.1.50-192.168.1.59", "192.168.1.50-192.168.1.59"),
    (span, "192.168.1.50 - 192.168.1.59", "192.168.1.50-192.168.1.59"),
    (span, "192.168.1.50-59", "192.168.1.50-192.168.1.59"),
    (span, "192.168.1.50 – 192.168.1.59", "192.168.1.50-192.168.1.59"),
    (span, "192.168.1.50 to 192.168.1.59", "192.168.1.50-192.168.1.59"),
    (span, "192.168.1.50..59", "192.168.1.50-192.168.1.59"),
    (span, "192.168.1.50-192.168.1.50", "192.168.1.50-192.168.1.50"),
    (span, "10.0.0.250-10.0.1.9", "10.0.0.250-10.0.1.9"),
    (span, "192.168.1.240/28", "192.168.1.240-192.168.1.255"),
    (network, "192.168.1.0/24", "192.168.1.0/24"),
    (network, "192.168.1.64/255.255.255.192", "192.168.1.64/26"),
    (network, "10.0.0.0/8", "10.0.0.0/8"),
]
WRONG: list[tuple[Callable[[str], str], str, str]] = [
    (address, "192.168.1.300", "192.168.1.300 is not an address: 300 is larger than 255"),
    (address, "192.168.1", "192.168.1 is not an address: it has 3 of 4 numbers"),
    (address, "192.168.1.1.1", "192.168.1.1.1 is not an address: it has 5 of 4 numbers"),
    (address, "192.168.1.", "192.168.1. is not an address: there is a dot without a number beside it"),
    (address, "192.168..1", "192.168..1 is not an address: there is a dot without a number beside it"),
    (
        address,
        "192.168.01.1",
        "192.168.01.1 is not an address: a number begins with 0; did you mean 192.168.1.1?",
    ),
    (address, "192.168.1.50/24", "192.168.1.50/24 is not an address: leave out the /24"),
    (address, "fe80::1", "fe80::1 is an IPv6 address; this must be an IPv4 address such as 192.168.1.50"),
    (address, "192.168.1.x", "'192.168.1.x' is not an IPv4 address such as 192.168.1.50"),
    (address, "192.168.1.٥", "'192.168.1.٥' is not an IPv4 address such as 192.168.1.50"),
    (address, "atlas", "'atlas' is not an IPv4 address such as 192.168.1.50"),
    (address, "-1.2.3.4", "'-1.2.3.4' is not an IPv4 address such as 192.168.1.50"),
    (
        span,
        "192.168.1.59-192.168.1.50",
        "the range ends (192.168.1.50) before it begins (192.168.1.59); did you mean 192.168.1.50-192.168.1.59?",
    ),
    (span, "192.168.1.50", "192.168.1.50 is one address; a range has a first and a last, such as"),
    (span, "192.168.1.50-", "the last address of the range is missing"),
    (span, "-192.168.1.50", "the first address of the range is missing"),
    (span, "192.168.1.50-300", "192.168.1.300 is not an address: 300 is larger than 255"),
    (span, "192.168.1.50-192.168.1.x", "'192.168.1.x' is not an IPv4 address such as"),
    (span, "192.168.1.300-192.168.1.310", "192.168.1.300 is not an address: 300 is larger than 255"),
    (span, "192.168.1.50-55-60", "'55-60' is not an IPv4 address such as"),
    (span, "192.168.1.50-59, 192.168.1.70-79", "is more than one range; give one, such as"),
    (span, "192.168.1.245/28", "host bits are set; did you mean 192.168.1.240/28?"),
    (span, "192.168.1.1/24-192.168.1.9", "is not a network such as 192.168.1.0/24: a prefix is a number up to 32"),
    (network, "192.168.1.7/24", "inside a network, since its host bits are set; did you mean 192.168.1.0/24?"),
    (network, "192.168.1.0", "192.168.1.0 lacks its prefix; did you mean 192.168.1.0/24?"),
    (network, "192.168.1.9", "192.168.1.9 lacks its prefix; did you mean 192.168.1.0/24?"),
    (network, "192.168.1.0/33", "a prefix is a number up to 32"),
    (network, "192.168.1.0/", "a prefix is a number up to 32"),
    (network, "192.168.1.0/x", "a prefix is a number up to 32"),
    (network, "192.168.300.0/24", "192.168.300.0 is not an address: 300 is larger than 255"),
    (network, "192.168.1/24", "192.168.1 is not an address: it has 3 of 4 numbers"),
    (network, "fd00::/8", "fd00::/8 is IPv6; this must be an IPv4 network such as 192.168.1.0/24"),
    (network, "home", "home is not a network such as 192.168.1.0/24"),
    (network, "/24", "/24 is not a network such as"),
]


@pytest.mark.parametrize(("read", "typed", "value"), RIGHT)
def test_what_is_right_becomes_its_canonical_text(read: Callable[[str], str], typed: str, value: str) -> None:
    assert read(typed) == value
    assert read(value) == value


@pytest.mark.parametrize(("read", "typed", "said"), WRONG)
def test_what_is_wrong_is_said_in_one_sentence(read: Callable[[str], str], typed: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        read(typed)
    text = str(caught.value)
    assert said in text
    assert "\n" not in text
    assert len(text) < 130


@pytest.mark.parametrize(("read", "whole"), [(address, "192.168.1.50"), (span, "192.168.1.50-192.168.1.59")])
def test_every_beginning_of_a_right_answer_is_told_something(read: Callable[[str], str], whole: str) -> None:
    """While it is typed, letter by letter: never a traceback, never an empty sentence."""
    for end in range(len(whole)):
        try:
            read(whole[:end])
        except ValueError as error:
            assert len(str(error)) > 10
