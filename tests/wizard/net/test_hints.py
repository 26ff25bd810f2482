"""What is read out of a banner and a MAC address."""

import re
from pathlib import Path

import pytest

from wizard.net import hints


@pytest.mark.parametrize(
    ("banner", "said"),
    [
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7", "Debian 12 (bookworm)"),
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2", "Debian 12 (bookworm)"),
        ("SSH-2.0-OpenSSH_10.0p2 Debian-7", "Debian 13 (trixie)"),
        ("SSH-2.0-OpenSSH_10.0p2 Debian-7+deb13u1", "Debian 13 (trixie)"),
        ("SSH-2.0-OpenSSH_8.4p1 Debian-5+deb11u3", "Debian 11 (bullseye)"),
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2+rpt1+deb12u7", "Raspberry Pi OS, Debian 12 (bookworm)"),
        ("SSH-2.0-OpenSSH_12.1p1 Debian-1+deb14u2", "Debian 14"),
        ("SSH-2.0-OpenSSH_12.1p1 Debian-1", "Debian"),
        ("SSH-2.0-OpenSSH_8.4p1 Raspbian-5", "Raspberry Pi OS, 32 bit"),
        ("SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.14", "Ubuntu 24.04"),
        ("SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.13", "Ubuntu 22.04"),
        ("SSH-2.0-OpenSSH_11.4p1 Ubuntu-1ubuntu1", "Ubuntu"),
        ("SSH-2.0-dropbear_2022.83", "a small system with dropbear"),
        ("SSH-2.0-OpenSSH_9.9", ""),
        ("SSH-2.0-Go", ""),
        ("", ""),
    ],
)
def test_the_system_that_a_banner_names(banner, said):
    assert hints.system(banner) == said


@pytest.mark.parametrize(
    ("mac", "name", "why"),
    [
        ("d8:3a:dd:01:02:03", "", "by its MAC address"),
        ("D8:3A:DD:01:02:03", "anything", "by its MAC address"),
        ("98:fe:54:01:02:03", "", "by its MAC address"),
        ("00:11:32:a4:5e:21", "raspberrypi", "by its name"),
        ("", "RaspberryPi-2", "by its name"),
        ("", "raspberrypie", ""),
        ("00:11:32:a4:5e:21", "nas", ""),
        ("", "", ""),
    ],
)
def test_why_a_host_is_taken_for_a_raspberry_pi(mac, name, why):
    assert hints.pi(mac, name) == why


@pytest.mark.parametrize(
    ("mac", "words"),
    [
        ("dc:a6:32:00:00:01", "a Raspberry Pi"),
        ("DC:A6:32:00:00:01", "a Raspberry Pi"),
        ("02:42:ac:11:00:02", "a made-up one: a phone, a virtual machine or a container"),
        ("7e:11:22:33:44:55", "a made-up one: a phone, a virtual machine or a container"),
        ("f4:f2:6d:10:20:01", ""),
        ("", ""),
    ],
)
def test_what_a_mac_address_tells_by_itself(mac, words):
    assert hints.card(mac) == words


def test_the_prefixes_are_whole_and_of_the_form_that_macs_have_here():
    assert len(set(hints.RASPBERRY)) == 8
    assert all(re.fullmatch(r"(?:[0-9a-f]{2}:){2}[0-9a-f]{2}", prefix) for prefix in hints.RASPBERRY)


def test_the_simulated_pis_have_such_macs():
    from wizard.demo.pi import shipped

    assert [one.name for one in shipped() if not hints.is_raspberry(one.mac)] == [""]


def test_the_program_alone():
    assert hints.program("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7") == "OpenSSH_9.2p1 Debian-2+deb12u7"
    assert hints.program("SSH-1.99-x") == "x"


def test_nothing_here_reaches_the_network():
    assert not re.findall(r"^(?:import|from) (?!re$|__future__)", Path(hints.__file__).read_text(), re.M)
