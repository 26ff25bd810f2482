"""The house rules that a program can hold: sizes, words that must not occur, and one place for every pin."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from wizard import yamlfile

ROOT = Path(__file__).resolve().parent.parent
LONG = re.compile(r"(#|//|<!--) long because: \S{3,}")
TEXT = {".py", ".sh", ".md", ".yaml", ".yml", ".toml", ".tcss", ".tsv", ".service", ".conf", ""}

# What may not be written, and why. The pattern is looked for in every line of the product.
FORBIDDEN = {
    r"StrictHostKeyChecking[= ]+(no|accept-new|off)": "a host key is shown once and pinned",
    r"UserKnownHostsFile[= ]+/dev/null": "a host key is shown once and pinned",
    r"AutoAddPolicy|WarningPolicy": "a host key is shown once and pinned",
    r"^\s*ssh-keyscan|[\"']ssh-keyscan[\"']": "keys are shown to the person, never taken from the network unseen",
    r"shell\s*=\s*True|os\.system\(|os\.popen\(": "no shell between us and a program",
    r"verify\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|--insecure\b|curl\b.* -k\b": "certificates are checked",
    r"^\s*except\s*:|except (Base)?Exception\s*:\s*(pass|\.\.\.)\s*$": "no error is swallowed",
    r"suppress\((Base)?Exception\)": "no error is swallowed",
    r"curl [^|]*\|\s*(sudo )?(ba)?sh\b": "nothing is piped into a shell",
    r"apt-key\b|trusted=yes|--allow-unauthenticated": "packages are signed",
    r"\b(eval|exec)\(": "no text becomes code",
    r"pickle\.loads?\(|yaml\.load\(": "no text becomes code",
    r"\bTODO\b|\bFIXME\b|\bXXX\b|\bHACK\b|NotImplementedError": "nothing is left as a stub",
    r"/work/(main|shared)|198\.18\.|198\.19\.|hw-lan|homelab-lab": "no code knows about the lab or one machine",
    r"BEGIN (OPENSSH|RSA|EC|AGE)? ?PRIVATE KEY|AGE-SECRET-KEY-1[A-Z0-9]{10}": "no secret is in the repository",
}  # fmt: skip
EXCEPT = {  # file -> the rule it may break, for the reason given here
    # The proof sends no secret and believes only the nonce it finds; a staging certificate must not hide an open door.
    "assets/probe/probe.sh": "certificates are checked",
}
IN_TESTS = {
    r"pytest\.skip\(|mark\.skip|mark\.xfail|pytest\.xfail\(|importorskip": "no test is skipped",
    r"assert True\b|assert 1\b": "no test that can't fail",
}


def tracked() -> list[Path]:
    """The files of the repository, new ones included, or everything there is when it is no git checkout."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines() if listed.returncode == 0 else []
    found = [ROOT / name for name in names] or [path for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return sorted(path for path in found if path.is_file())


FILES = [path for path in tracked() if path.suffix in TEXT and "schemas" not in path.parts]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def lines_of(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []


def product() -> list[Path]:
    return [path for path in FILES if path.relative_to(ROOT).parts[0] in ("wizard", "steps", "assets")]


def violations(paths: list[Path], rules: dict[str, str]) -> Iterator[str]:
    any_rule = re.compile("|".join(f"(?:{pattern})" for pattern in rules))  # one look is enough for nearly every line
    for path in paths:
        for number, line in enumerate(lines_of(path), 1):
            if not any_rule.search(line):
                continue
            for pattern, why in rules.items():
                if re.search(pattern, line) and EXCEPT.get(name(path)) != why:
                    yield f"{name(path)}:{number}: {why}: {line.strip()[:100]}"


def test_there_is_something_to_look_at() -> None:
    assert len(product()) > 50
    assert any(name(path) == "wizard/engine.py" for path in FILES)


def test_no_file_is_longer_than_300_lines_without_a_reason() -> None:
    long = {name(path): lines for path in FILES if len(lines := lines_of(path)) > 300}
    assert [file for file, lines in long.items() if not any(LONG.search(line) for line in lines)] == []


def test_no_function_is_longer_than_40_lines_without_a_reason() -> None:
    """Docstrings don't count."""
    found = []
    for path in FILES:
        lines = lines_of(path)
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                text = lines[node.lineno - 1 : node.end_lineno]
                told = ast.get_docstring(node, clean=False)
                size = len(text) - (len(told.splitlines()) if told else 0)
                if size > 40 and not any(LONG.search(line) for line in text):
                    found.append(f"{name(path)}:{node.lineno} {node.name}: {size} lines")
    assert found == []


def test_what_must_not_be_written_is_not_written() -> None:
    assert list(violations(product(), FORBIDDEN)) == []


def test_no_test_is_skipped_or_can_not_fail() -> None:
    here = Path(__file__).resolve()
    tests = [path for path in FILES if name(path).startswith("tests/") and path.suffix == ".py" and path != here]
    assert list(violations(tests, IN_TESTS)) == []


@pytest.mark.parametrize(
    "line",
    [
        "ssh -o StrictHostKeyChecking=no pi", "client.set_missing_host_key_policy(AutoAddPolicy())",
        "subprocess.run(command, shell=True)", "    except Exception: pass", "  except:", "curl -sSL https://x | sh",
        "requests.get(url, verify=False)", "x = eval(text)", "# TODO later", 'GATEWAY = "198.18.0.1"',
    ],
)  # fmt: skip
def test_the_rules_find_what_they_are_for(tmp_path: Path, line: str) -> None:
    assert any(re.search(pattern, line) for pattern in FORBIDDEN)


def pinned() -> list[str]:
    """Every version in versions.yaml that is unmistakable: three numbers, perhaps more after them."""
    text = (ROOT / "assets" / "versions.yaml").read_text()

    def values(data: object) -> Iterator[str]:
        if isinstance(data, dict):
            for value in data.values():
                yield from values(value)
        elif isinstance(data, str):
            yield from re.findall(r"\d+\.\d+\.\d+[\w.-]*", data)

    return sorted(set(values(yamlfile.load(text))))


def test_a_version_is_pinned_in_one_place() -> None:
    versions = pinned()
    assert len(versions) > 10
    pattern = {rf"(?<![\d.]){re.escape(version)}(?![\d.]\d)": "pinned in assets/versions.yaml" for version in versions}
    paths = [path for path in product() if name(path) != "assets/versions.yaml"]
    assert list(violations(paths, pattern)) == []


def test_a_host_name_of_a_download_is_pinned_in_one_place() -> None:
    hosts = {"pkgs.k8s.io", "download.docker.com", "pkgs.tailscale.com"}
    code = [path for path in product() if path.suffix in (".py", ".sh")]
    pattern = {rf"https?://{re.escape(host)}": "its address is in assets/versions.yaml" for host in hosts}
    assert list(violations(code, pattern)) == []
