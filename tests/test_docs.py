"""What the documents say is what there is: examples are read, tables compared, links followed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from steps import ORDER, health
from steps.gitops import catalogue as apps
from steps.gitops.codes import SEVERITY
from steps.why.finding import catalogue
from tools import doctor_table
from wizard import answers, yamlfile
from wizard.commandline import EPILOG, parse
from wizard.errors import BadInput, ExitCode

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
STEPS = {step.name: step for step in ORDER}


def table(header: str) -> list[list[str]]:
    """The rows below the table's header line in README.md, cell by cell."""
    lines = README.splitlines()
    rows = lines[lines.index(header) + 2 :]
    rows = rows[: next((number for number, line in enumerate(rows) if not line.startswith("|")), len(rows))]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_first_two_commands_are_the_promised_ones() -> None:
    block = re.findall(r"```\n(.*?)```", README, re.DOTALL)[0]
    assert [line.split("#")[0].strip() for line in block.splitlines()] == ["make demo", "make test"]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"demo", "test", "check", "lab-test", "cluster-test", "clean"} <= set(targets)


def test_the_journey_is_the_order() -> None:
    assert [row[0] for row in table("| step | you choose | the wizard makes true |")] == [step.title for step in ORDER]


def test_every_exit_code_is_documented_twice_and_alike() -> None:
    codes = {value for name, value in vars(ExitCode).items() if name.isupper()}
    rows = {int(code): meaning for code, meaning in table("| exit code | means |")}
    assert set(rows) == codes
    assert {int(code) for code in re.findall(r"^ +(\d+)  ", EPILOG, re.MULTILINE)} == codes


def test_every_command_that_is_shown_exists(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.findall(r"^homelab( [a-z]+)?((?: \[?--[a-z]+(?: FILE)?\]?)*)  ", README, re.MULTILINE)
    assert len(shown) >= 6
    for command, options in shown:
        words = [*command.split(), *re.sub(r"[][]", "", options).split()]
        assert parse(words).command == (command.strip() or "wizard")


def test_the_example_of_answers_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").touch()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "tailscale-auth-key").write_text("key-of-the-example")
    (tmp_path / "pass").write_text("#!/bin/sh\necho api-of-the-example\n")
    (tmp_path / "pass").chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PI_PASSWORD", "password-of-the-example")
    (example,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    file = tmp_path / "answers.yaml"
    file.write_text(example)
    found = answers.read(file, ORDER)
    assert found.cluster == "homelab"
    assert found.answers["machines"]["hosts"][2] == "192.168.1.13"


def test_a_setting_that_readme_names_exists() -> None:
    named = set(re.findall(rf"`((?:{'|'.join(STEPS)})\.[a-z_]+)`", README))
    known = {f"{step.name}.{question.key}" for step in ORDER for question in step.questions}
    assert len(named) >= 10
    assert named <= known


@pytest.mark.parametrize("name", ["lab", "lifecycle"])
def test_the_lab_answers_name_only_what_exists(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Their files exist in the lab only; every other mistake would show here."""
    monkeypatch.delenv("HOMELAB_SUDO_PASSWORD", raising=False)
    file = ROOT / "tests" / "answers" / f"{name}.yaml"
    data = yamlfile.load(file.read_text())
    for section, given in data.items():
        if section != "cluster":
            assert set(given) <= {question.key for question in STEPS[section].questions}, section
    with pytest.raises(BadInput) as caught:
        answers.read(file, ORDER, ORDER if name == "lab" else [STEPS[name] for name in data if name in STEPS])
    missing = re.compile(r"there is no file|A secret is missing|could not be read")
    assert [problem.sentence() for problem in caught.value.problems if not missing.search(problem.what)] == []


def test_every_finding_about_a_pi_is_documented_with_its_fix() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|(.*)\|(.*)\|(.*)\|$", (ROOT / "docs" / "health.md").read_text(), re.MULTILINE)
    assert sorted(name for name, *_ in rows) == sorted(health.NAMES)
    for name, what, severity, fix in rows:
        assert re.match(r" (blocks|warns|is mended)", severity), name
        assert len(what) > 10, name
        assert len(fix) > 10, name


def test_every_finding_about_a_repository_is_documented() -> None:
    text = (ROOT / "docs" / "validation.md").read_text().replace("\\|", "/")
    rows = re.findall(r"^\| `([a-z-]+)` \| (mistake|warning) \|(.*)\|(.*)\|$", text, re.MULTILINE)
    words = {"mistake": "error", "warning": "warning"}
    assert {name: words[severity] for name, severity, *_ in rows} == SEVERITY
    assert len(rows) == len(SEVERITY)
    assert all(len(what) > 20 and len(fix) > 8 for _, _, what, fix in rows)


def test_every_cause_is_documented_with_what_to_do() -> None:
    text = (ROOT / "docs" / "doctor.md").read_text().splitlines()
    wanted = list(doctor_table.lines())
    assert [line for line in wanted if line and line not in text] == [], "python -m tools.doctor_table prints it"
    shown = [found[1] for line in text if (found := re.match(r"\| `([a-z-]+)` \|", line))]
    assert sorted(shown) == sorted(catalogue())


def test_every_app_of_the_catalogue_is_documented() -> None:
    text = (ROOT / "docs" / "apps.md").read_text()
    rows = re.findall(r"^\| ([a-z-]+) \| (.*) \| (yes|careful|no) \|$", text, re.MULTILINE)
    assert rows == [(entry.name, entry.about, entry.internet) for entry in apps.catalogue().values()]
    assert f"one of {len(rows)} apps" in README


DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "assets" / "machines" / "README.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / link).exists(), link


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    files = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("0*.md"))
    assert re.findall(r"\]\((0.*?\.md)\)", index) == files
    for number, name in enumerate(files, 1):
        text = (ROOT / "docs" / "decisions" / name).read_text()
        assert text.startswith(f"# {number}. ")
        assert len(text.split()) < 450, "half a page"


def test_the_changelog_keeps_a_place_for_what_is_next() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
