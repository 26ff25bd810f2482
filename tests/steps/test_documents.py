"""The documents tell the truth: every link, path, name, address and command in them fits the repository they lie in."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest

from steps.gitops import documents
from steps.gitops.forge import WORKFLOWS
from steps.gitops.overview import Overview
from steps.gitops.tree import Tree, get, parse
from tests.steps.document_variants import VARIANTS, repository, settings
from wizard import __version__, yamlfile
from wizard.commandline import parse as parse_words

every = pytest.mark.parametrize("name", VARIANTS)
PLACEHOLDER = re.compile(r"NAME|NAMESPACE|new\.sops|…|[*]")


def pages(name: str) -> dict[str, str]:
    return {path: text for path, text in repository(name).items() if path.endswith(".md")}


def overview(name: str) -> Overview:
    return Overview.of(settings(name), repository(name))


def objects(name: str) -> Tree:
    tree, findings = parse(repository(name))
    assert findings == []
    return tree


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def code(name: str) -> str:
    """Every command of the pages, from blocks and from within sentences."""
    parts: list[str] = []
    for text in pages(name).values():
        parts += blocks(text, "sh")
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        parts += [" ".join(words.split()) for words in re.findall(r"`([^`]+)`", prose)]
    return "\n".join(parts)


@every
def test_no_example_and_no_mark_is_left(name: str) -> None:
    left = {
        path: found
        for path, text in pages(name).items()
        for example in documents.examples(overview(name))
        if (found := re.search(rf"<!--|\b0\.0\.0\b|(?<![\w-]){re.escape(example)}(?![\w-])", text))
        and example not in documents.examples(overview(name)).values()
    }
    assert left == {}


def test_every_condition_is_met_in_one_variant_and_not_in_another() -> None:
    seen = [documents.conditions(overview(name)) for name in VARIANTS]
    assert {key for each in seen for key, holds in each.items() if holds} == set(seen[0])
    assert {key for each in seen for key, holds in each.items() if not holds} == set(seen[0])
    asked = {
        word
        for page in documents.PAGES
        for found in re.findall(r"<!-- with(?:out)? ([a-z ]+) -->", documents.template(page))
        for word in found.split(" and ")
    }
    assert asked == set(seen[0])


# -- links and paths ---------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def is_there(path: str, files: dict[str, str]) -> bool:
    return path in files or any(name.startswith(f"{path.rstrip('/')}/") for name in files)


@every
def test_links_lead_somewhere(name: str) -> None:
    files = repository(name)
    for page, text in pages(name).items():
        for link in re.findall(r"\]\((?!https?:)([^)]*)\)", text):
            path, _, anchor = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
            assert is_there(target, files), (page, link)
            assert not anchor or anchor in anchors(files[target]), (page, link)


@every
def test_paths_that_are_named_are_there(name: str) -> None:
    paths = set(
        re.findall(r"(?<![\w/.~-])(?:apps|clusters|infrastructure|docs)/[\w./*-]+", "\n".join(pages(name).values()))
    )
    paths = {path for path in paths if not PLACEHOLDER.search(path) and not path.endswith("/flux-system")}
    assert f"clusters/{settings(name).cluster}" in paths
    assert [path for path in paths if not is_there(path, repository(name))] == []


@every
def test_tables_are_well_formed(name: str) -> None:
    for page, text in pages(name).items():
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            rows = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in table.splitlines()]
            assert len({len(row) for row in rows}) == 1, (page, table)
            assert set("".join(rows[1])) == {"-"}
            assert len(rows) > 2, (page, table)
            assert all(cell.strip() for row in rows for cell in row), (page, table)


# -- what they tell ----------------------------------------------------------------------------------------------


def urls_of_routes(name: str) -> Iterator[str]:
    tree = objects(name)
    protocol = {
        (gateway.name, one["name"]): one["protocol"].lower()
        for gateway in tree.of("Gateway")
        for one in gateway.spec["listeners"]
    }
    for route in tree.of("HTTPRoute"):
        for parent in route.spec["parentRefs"]:
            sections = (
                [parent["sectionName"]] if "sectionName" in parent else [s for g, s in protocol if g == parent["name"]]
            )
            [scheme] = {protocol[parent["name"], section] for section in sections}
            yield from (f"{scheme}://{host}" for host in route.spec["hostnames"])


@every
def test_urls_are_those_of_the_routes(name: str) -> None:
    runbook = pages(name)["docs/runbook.md"]
    table = re.findall(r"^\| \S+ \| (https?://\S+) \| ", runbook, re.MULTILINE)
    assert sorted(table) == sorted(set(urls_of_routes(name)))  # the page that the proof looks at is no app
    assert ("| app | URL |" in runbook) == bool(table)


@every
def test_addresses_and_pis_are_told(name: str) -> None:
    s, runbook = settings(name), pages(name)["docs/runbook.md"]
    for node in s.nodes:
        assert f"| {node.name or node.address} | {node.address} | {node.role.replace('-', ' ')} |" in runbook
        assert f"`ssh {s.user}@{node.address}`" in runbook
    for address in (s.internal_address, s.external_address, s.dns_address, s.pool):
        assert f"| {address} | " in runbook
    assert f"| TCP 443 | {s.external_address} port 443 |" in runbook


@every
def test_the_place_of_the_age_keys_copy_is_told(name: str) -> None:
    s, runbook = settings(name), pages(name)["docs/restore.md"]
    assert ("**No copy was asked for.**" in runbook) == (not s.key_copy)
    assert not s.key_copy or f"`{s.key_copy}`" in runbook


def test_what_pi_hole_answers_comes_from_its_own_settings() -> None:
    assert overview("everything").local_names == (
        ("attic-private.duckdns.org", "10.7.0.61"), ("attic.duckdns.org", "10.7.0.62"),
    )  # fmt: skip
    assert overview("root, no Pi-hole").local_names == ()


@every
def test_who_keeps_the_public_name_is_told(name: str) -> None:
    s, runbook = settings(name), pages(name)["docs/runbook.md"]
    (told,) = re.findall(
        rf"^\| `\*\.{re.escape(s.external_domain)}` \| the home's public address \| (.*) \|$", runbook, re.M
    )
    updaters = [one.file.rpartition("/")[0] for one in objects(name).of("CronJob")]
    assert re.findall(r"`(.*)`", told) == updaters


# -- commands ----------------------------------------------------------------------------------------------------


@every
def test_shell_blocks_can_be_read_by_a_shell(name: str) -> None:
    for page, text in pages(name).items():
        for block in blocks(text, "sh"):
            done = subprocess.run(["sh", "-n"], input=block, text=True, capture_output=True, check=False)
            assert done.returncode == 0, (page, block, done.stderr)


@every
def test_commands_name_what_the_cluster_has(name: str) -> None:
    tree, text = objects(name), code(name)
    spaces = {one.name for one in tree.of("Namespace")} | {"flux-system", "NAMESPACE"}
    named = re.findall(r"kubectl -n (\S+)", text)
    assert len(named) > 3
    assert set(named) <= spaces
    parts = {one.name for one in tree.of("Kustomization")} | {"flux-system"}
    assert set(re.findall(r"flux \w+ kustomization (\S+)", text)) <= parts
    deployments = {f"{one.namespace} {one.name}" for one in (*tree.of("Deployment"), *tree.of("HelmRelease"))}
    for space, _, deployment in re.findall(r"kubectl -n (\S+) (rollout restart |logs )deployment[ /](\S+)", text):
        assert any(f"{space} {deployment}".startswith(known) for known in deployments), deployment


@every
def test_commands_of_homelab_exist(name: str) -> None:
    commands = {
        parse_words(shlex.split(line, comments=True)).command
        for line in re.findall(r"^homelab (\w.*)$", code(name).replace("ADDRESS", "10.7.0.99"), re.MULTILINE)
    }
    assert {"repo validate", "node add", "node upgrade", "reset", "status"} <= commands


@every
def test_commands_name_secrets_that_are_there(name: str) -> None:
    tree, text = objects(name), code(name)
    made = {get(one, "tls", "certificateRefs", 0, "name") for g in tree.of("Gateway") for one in g.spec["listeners"]}
    secrets = {one.name: set(one.body["stringData"]) for one in tree.of("Secret")}
    for secret, key in re.findall(r"get secret (\S+) -o jsonpath='\{\.data\.([^}]+)\}'", text):
        assert secret == "sops-age" or key in secrets[secret]
    for words in re.findall(r"delete secret ((?:\S+ ?)+)", text):
        assert set(words.split()) <= made


@every
def test_the_switch_between_the_issuers_names_the_very_line(name: str) -> None:
    files, text = repository(name), pages(name)["docs/runbook.md"]
    changes = blocks(text, "diff")
    assert bool(changes) == settings(name).certificates
    for change in changes:
        old, new = (line[1:] for line in change.splitlines())
        issuers = {f"{one.name}" for one in objects(name).of("ClusterIssuer")}
        assert new.partition(": ")[2] in issuers
        for side in ("internal", "external"):
            assert f"{old}\n" in files[f"infrastructure/gateways/{side}.yaml"]


# -- what is not read --------------------------------------------------------------------------------------------


@every
def test_each_forge_has_its_workflow_and_the_readme_names_it(name: str) -> None:
    files, forge = repository(name), settings(name).forge
    places = [workflow.place for workflow in WORKFLOWS.values() if workflow.place in files]
    assert places == ([WORKFLOWS[forge].place] if forge in WORKFLOWS else [])
    assert ("[The workflow]" in files["README.md"]) == bool(places)
    for place in places:
        assert f"homelab-wizard=={__version__} homelab repo validate ." in files[place]
        assert not re.search(r"example\.org|0{8}|\b0\.0", files[place])
        assert isinstance(yamlfile.load(files[place]), dict)
        assert all(re.search(r"@[0-9a-f]{40} # v\d", line) for line in files[place].splitlines() if "uses:" in line)


def test_renovates_rules_fit_what_is_pinned() -> None:
    files = repository("everything")
    config = json.loads(files["renovate.json"])
    tree = objects("everything")
    pinned = {str(one.spec["url"]).partition("://")[2] for one in tree.of("OCIRepository")}
    pinned |= {one.name for one in tree.of("GitRepository")} | {"fluxcd/flux2"}
    for rule in config["packageRules"]:
        for wanted in rule.get("matchDepNames", ()):
            pattern = wanted.strip("/") if wanted.startswith("/") else f"{re.escape(wanted)}$"
            assert any(re.search(pattern, one) for one in pinned), wanted
    looked_at = re.compile(config["flux"]["managerFilePatterns"][0].strip("/"))
    sources = [one.file for one in tree.objects if one.kind in ("OCIRepository", "GitRepository", "HelmRepository")]
    assert all(looked_at.search(file) for file in sources)
    assert not looked_at.search(WORKFLOWS["github"].place)
