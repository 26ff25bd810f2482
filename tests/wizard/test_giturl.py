"""Addresses of git repositories as people write them."""

from __future__ import annotations

import pytest

from wizard import giturl


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("ssh://git@git.example.org:2222/me/homelab.git", "ssh://git@git.example.org:2222/me/homelab.git"),
        ("ssh://git@git.example.org/me/homelab.git/", "ssh://git@git.example.org/me/homelab.git"),
        ("git@github.com:me/homelab.git", "ssh://git@github.com/me/homelab.git"),
        ("github.com:me/homelab.git", "ssh://git@github.com/me/homelab.git"),
        ("pi@nas.home.test:/srv/git/homelab.git", "ssh://pi@nas.home.test/srv/git/homelab.git"),
        ("ssh://git@github.com:me/homelab.git", "ssh://git@github.com/me/homelab.git"),
        ("ssh://github.com/me/homelab", "ssh://git@github.com/me/homelab"),
        ("ssh://nas.home.test/srv/homelab.git", "ssh://nas.home.test/srv/homelab.git"),
        ("https://github.com/me/homelab", "ssh://git@github.com/me/homelab.git"),
        ("https://github.com/me/homelab.git", "ssh://git@github.com/me/homelab.git"),
        ("https://github.com/me/homelab/tree/main/apps", "ssh://git@github.com/me/homelab.git"),
        ("https://gitlab.com/club/pis/homelab/-/tree/main", "ssh://git@gitlab.com/club/pis/homelab.git"),
        ("https://codeberg.org/me/homelab/src/branch/main", "ssh://git@codeberg.org/me/homelab.git"),
        ("http://git.home.test:3000/me/homelab", "ssh://git@git.home.test/me/homelab.git"),
        ("ssh://git@[fd00::5]:2222/homelab.git", "ssh://git@[fd00::5]:2222/homelab.git"),
        ("ssh://git@10.0.0.5/me/tree/homelab.git", "ssh://git@10.0.0.5/me/tree/homelab.git"),
    ],
)
def test_what_is_understood(given: str, value: str) -> None:
    assert giturl.parse(given) == value
    assert giturl.parse(value) == value, "its own form stays"
    said = giturl.told(given, value)
    assert said == "" if given.rstrip("/") == value else value in said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "is not the address"), ("homelab", "is not the address"), ("me/homelab", "is not the address"),
        ("ssh://git@git.example.org", "the path of the repository is missing"),
        ("https://git.example.org/", "the path of the repository is missing"),
        ("git@github.com:", "is not the address"), ("https://github.com/me", "owner or name is missing"),
        ("git@github.com:homelab.git", "owner or name is missing"),
        ("https://token@github.com/me/homelab", "password or token"),
        ("ssh://git:hunter2@a.org/x", "password or token"),
        ("git://git.example.org/homelab.git", "not encrypted"), ("file:///srv/homelab.git", "is not the address"),
        ("ssh://git@git.example.org/~me/homelab.git", "Flux does not understand ~"),
        ("git@git.example.org:~/homelab.git", "Flux does not understand ~"),
        ("ssh://git@git.example.org:99999/x", "port that is no number"),
        ("https://github.com/me/homelab?tab=readme", "is not the address"), ("ssh:// /x", "is not the address"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told(given: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        giturl.parse(given)
    assert "hunter2" not in str(caught.value) and "token@" not in str(caught.value)


def test_the_web_address_tells_nothing_about_the_port_of_ssh() -> None:
    value = giturl.parse("https://git.home.test:3000/me/homelab")
    assert "port of its own" in giturl.told("https://git.home.test:3000/me/homelab", value)
