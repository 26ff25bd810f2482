"""Pins, how they stand, the notes on their way, and what a history tells of upgrades."""

from __future__ import annotations

import pytest

from steps.gitops.catalogue import catalogue
from steps.release import history, pins
from steps.release.pins import Seen
from wizard import assets, yamlfile

NOW = assets.versions()


def test_every_pin_is_found_in_what_this_release_renders():
    from tests.golden import apps
    from tests.golden.repositories import NAMES, repository, settings

    seen = set()
    for name in NAMES:
        files = repository(name)
        for pin in pins.pins(settings(name)):
            assert pins.read(files[pin.file], pin) == pin.version, (name, pin)
            seen.add(pin.name)
    charts, images = set(NOW["charts"]), set(NOW["images"])
    assert seen == charts | images | {"gateway-api"}
    for name in catalogue():
        files, found = apps.repository(name), pins.pins(apps.home(name))
        (pin,) = [pin for pin in found if pin.name == name]
        assert pins.read(files[pin.file], pin) == pin.version == NOW["apps"][catalogue()[name].pin].rpartition(":")[2]
        assert "local-path" in {pin.name for pin in found}


@pytest.mark.parametrize(
    ("last", "now", "standing"),
    [("1.9.0", "1.9.0", "newer"), ("1.10.0", "1.10.0", "current"), ("1.11.0", "1.11.0", "older"),
     ("1.9.0", "1.8.0", "yours"), ("1.9.0", "2.0.0", "yours"), ("1.10.0", "1.9.0", "yours")],
)  # fmt: skip
def test_how_a_pin_stands(last, now, standing):
    assert Seen(pins.Pin("x", "f", "o", "w", "1.10.0"), last, now).standing == standing


def test_notes_are_those_between_two_versions_and_each_has_its_source():
    assert [note.at for note in pins.notes("traefik", "39.0.9", "40.1.0")] == ["40.0.0"]
    assert [note.at for note in pins.notes("traefik", "41.0.0", "40.0.0")] == ["41.0.0"]
    assert pins.notes("traefik", "41.0.0", "41.9.9") == () == pins.notes("no-such-pin", "1", "2")
    known = {*NOW["charts"], *NOW["images"], "gateway-api", "flux"}
    for name, found in yamlfile.load(assets.text("notes.yaml")).items():
        assert name in known
        for one in found:
            assert set(one) <= {"at", "text", "source", "back"} and one["source"].startswith("https://")
            assert 30 < len(one["text"]) < 200 and pins.order(one["at"])


def test_what_the_history_tells():
    one, two, three = (f"{number:040x}" for number in (1, 2, 3))
    log = history.Log
    told = history.line
    up = log(two, "homelab-wizard", f"Upgrade x\n\n{told('Homelab-Upgrade', one)}\n")
    keep = log(three, "homelab-edits", "Keep what was changed by hand\n")
    assert history.find([]) is None and history.find([log(one, "Ann", told("Homelab-Upgrade", two))]) is None
    assert history.find([up]).after == two and history.find([keep, up]).after == three
    undone = log("f" * 40, "homelab-edits", f"Revert\n\n{told('Homelab-Back', three)}\n")
    assert history.find([undone, keep, up]).went_back == "f" * 40
    assert history.find([log("e" * 40, "Ann", "x"), undone, keep, up]).went_back == "f" * 40
