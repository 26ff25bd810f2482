"""Captured outputs of the script `facts`, and what is read out of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steps.facts import NodeFacts, gather, parse
from wizard import assets, yamlfile

FOLDER = Path(__file__).resolve().parent.parent / "cases" / "facts"
EXPECTED: dict[str, dict[str, Any]] = {
    name: fields for file in sorted(FOLDER.glob("*.yaml")) for name, fields in yamlfile.load(file.read_text()).items()
}
CA = "sha256:c2c6fb07caef77caa294f2c0ada1bf2a8e4c0f644c14acf8fb90fcde3941634a"
ADDRESSES = {"debian-13-cm4-control-plane": "192.168.7.11"}
CASES = [pytest.param(case, field, id=f"{case}.{field}") for case, fields in EXPECTED.items() for field in fields]


def capture(case: str) -> NodeFacts:
    return parse(ADDRESSES.get(case, "192.0.2.1"), (FOLDER / f"{case}.out").read_text())


def value_of(facts: NodeFacts, field: str) -> Any:
    """A field of the facts, or what `expected.yaml` says of several in short."""
    units = {name.removesuffix(".service"): unit for name, unit in facts.units.items()}
    short = {
        "active_units": lambda: sorted(name for name in units if facts.active(name)),
        "enabled_units": lambda: sorted(n for n, unit in units.items() if unit.get("UnitFileState") == "enabled"),
        "file_names": lambda: sorted(facts.files),
        "keyring_names": lambda: sorted(facts.keyrings),
    }
    return short[field]() if field in short else getattr(facts, field)


def plain(value: Any) -> Any:
    """As YAML would hold it."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def test_every_capture_has_expectations():
    assert sorted(EXPECTED) == sorted(path.stem for path in FOLDER.glob("*.out"))


@pytest.mark.parametrize(("case", "field"), CASES)
def test_what_is_read(case, field):
    expected = EXPECTED[case][field]
    assert plain(value_of(capture(case), field)) == (CA if expected == "CA" else expected)


def test_units_files_and_the_rest_by_name():
    facts = capture("raspios-trixie-pi5-joined")
    assert facts.active("kubelet")
    assert not facts.active("chrony")
    assert facts.installed("kubelet") == "1.36.4-1.1"
    assert facts.packages["kubelet"][1], "held"
    assert facts.installed("docker.io") == ""
    assert "10.0.0.11 homelab-api" in facts.files["/etc/hosts"]
    assert facts.sysctl["net.ipv4.ip_forward"] == "1"
    assert facts.tailscale and facts.tailscale["BackendState"] == "Running"
    assert [a.dynamic for a in capture("raspios-bookworm-pi4").addresses] == [True, True]
    assert [a.dynamic for a in facts.addresses] == [False, False, False]


@pytest.mark.parametrize(
    "output", ["", "garbage", "@@", "@@ memory\n", "@@ disk\nx\ny", "@@ tailscale\n[1]\n@@ ca-crt\nx"]
)
def test_nothing_makes_it_fail(output):
    facts = parse("192.0.2.1", output)
    assert facts.address == "192.0.2.1"
    assert (facts.memory_bytes, facts.tailscale, facts.ca_hash, facts.packages) == (0, None, "", {})


@pytest.mark.parametrize("case", sorted(EXPECTED))
def test_a_capture_cut_short_anywhere_is_read(case):
    text = (FOLDER / f"{case}.out").read_text()
    for end in range(0, len(text), 97):
        parse("192.0.2.1", text[:end])


def test_the_script_writes_nothing_and_always_succeeds():
    lines = [line for line in assets.text("node/facts.sh").splitlines() if not line.startswith("#")]
    assert lines[-1] == "exit 0"
    for line in lines:
        assert "set -e" not in line
        assert ">" not in line.replace("2>/dev/null", "").replace(">/dev/null", ""), line


def test_a_file_can_not_pretend_to_be_a_section():
    import subprocess

    script = assets.text("node/facts.sh").partition("section hostname")[0]
    done = subprocess.run(
        ["sh", "-c", script + "\nsection one printf 'a\\n@@ machine-id\\nevil\\n'"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert parse("192.0.2.1", done.stdout).machine_id == ""


def test_the_real_script_runs_anywhere():
    """On this computer too, without root: every section that it prints can be read."""
    import subprocess

    done = subprocess.run(["sh", "-c", assets.text("node/facts.sh")], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    facts = parse("192.0.2.1", done.stdout)
    assert facts.hostname
    assert facts.cores >= 1
    assert facts.memory_bytes > 10**8


def test_facts_of_all_are_gathered_control_plane_first(pis):
    stage = pis()
    stage.ctx.keep("machines", "control_plane", "192.168.1.12")
    found = gather(stage.ctx)
    assert list(found) == ["192.168.1.12", "192.168.1.11", "192.168.1.13"]
    assert [facts.hostname for facts in found.values()] == ["boreas", "atlas", "castor"]
    assert stage.world.writes == []
