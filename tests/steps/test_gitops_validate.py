"""Each mistake in a repository is found, by code, file and line, and by nothing but its own finding."""

from __future__ import annotations

import json
import random
from textwrap import dedent
from typing import Any

import pytest

from steps.gitops.codes import SEVERITY
from steps.gitops.render import render
from steps.gitops.validate import errors, validate
from tests.golden.repositories import repository, settings
from tests.steps.broken import Broken, cases, full
from wizard import yamlfile

BROKEN = cases()
ELSEWHERE = {"no-flux", "file-unread"}  # shown by test_gitops_reach.py and test_repo_command.py


def test_the_full_repository_is_valid() -> None:
    assert validate(full()) == []
    assert validate(full(), own=False) == [], "for its person, too"


def test_what_flux_adds_changes_nothing() -> None:
    """`flux bootstrap` commits its own files into the cluster's folder."""
    system = "clusters/attic/flux-system"
    sync = """\
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: GitRepository
        metadata: {name: flux-system, namespace: flux-system}
        spec: {interval: 1m, ref: {branch: main}, secretRef: {name: flux-system}, url: "ssh://git@git.home.test/me/x"}
        ---
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata: {name: flux-system, namespace: flux-system}
        spec: {interval: 10m, path: ./clusters/attic, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
        """
    controllers = "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n"
    files = {
        **full(), f"{system}/gotk-sync.yaml": dedent(sync), f"{system}/gotk-components.yaml": controllers,
        f"{system}/kustomization.yaml": "resources: [gotk-components.yaml, gotk-sync.yaml]\n",
    }  # fmt: skip
    assert validate(files, own=False) == []
    wrong = {
        **files,
        "apps/hello/hello.yaml": full()["apps/hello/hello.yaml"].replace("targetPort: http", "targetPort: web"),
    }
    assert [one.code for one in validate(wrong, own=False)] == ["port-unnamed"], "and what is wrong is still found"


def test_there_is_a_broken_repository_for_every_code() -> None:
    assert len(BROKEN) >= 60
    assert {case.code for case in BROKEN} == set(SEVERITY) - ELSEWHERE


@pytest.mark.parametrize("case", BROKEN, ids=[f"{case.code}-{number}" for number, case in enumerate(BROKEN)])
def test_a_mistake_is_found(case: Broken) -> None:
    files = case.files(full())
    found = validate(files)
    assert [one.code for one in found] == [case.code], [one.sentence() for one in found]
    [finding] = found
    assert finding.file == (case.where or case.file)
    assert case.line().strip() in files[finding.file].splitlines()[finding.line - 1], finding.sentence()
    assert finding.what.endswith(".") and len(finding.fix) > 5, finding


def test_an_internal_name_is_not_given_to_cloudflare_either() -> None:
    files, name = repository("cloudflare-full"), "apps/cloudflare/updater.yaml"
    wrong = files[name].replace("value: home.attic.test", "value: internal.home.attic.test")
    assert [one.code for one in validate({**files, name: wrong})] == ["internal-name-public"]


WEIRD = (
    None,
    "",
    0,
    -1,
    True,
    [],
    {},
    "x",
    [None],
    [[]],
    ["x"],
    {"name": None},
    [{"name": []}],
    "${X}",
    {"x": {"y": []}},
)


def test_whatever_stands_in_a_file_is_only_a_finding() -> None:
    """Something strange in the place of anything: every rule looks into objects of any shape."""
    chance = random.Random(5)  # noqa: S311  # the same each time
    whole = dict(full())
    for case in BROKEN:
        whole |= {name: text for name, text in case.files(full()).items() if name not in whole and case.code != "yaml"}
    names = sorted(name for name in whole if name.endswith(".yaml"))
    told = 0
    for turn in range(60):
        name = chance.choice(names)
        documents = yamlfile.load_all(whole[name]) or [{}]
        place: Any = documents
        step: Any = chance.randrange(len(documents))
        while isinstance(place[step], dict | list) and place[step] and chance.random() < 0.85:
            place = place[step]
            step = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        place[step] = WEIRD[turn % len(WEIRD)]
        text = "---\n".join(f"{json.dumps(document)}\n" for document in documents)
        told += len(validate({**whole, name: text}, own=turn % 2 == 0))
    assert told > 60


def test_a_secret_is_never_shown() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: hello}\nstringData: {password: 4711}\n"
    said = " ".join(one.sentence() for one in validate({**full(), "apps/hello/secret.yaml": text}))
    assert "not encrypted" in said
    assert "4711" not in said


def test_as_long_as_nothing_is_encrypted_no_secret_is_missed() -> None:
    assert validate(render(settings("duckdns-full"))) == []


def test_what_is_only_told_in_a_persons_own_repository_is_a_mistake_here() -> None:
    files = {**full(), "apps/hello/hello.yaml": full()["apps/hello/hello.yaml"].replace("whoami:v1.11.0", "whoami")}
    assert [one.severity for one in validate(files)] == ["error"]
    assert [one.severity for one in validate(files, own=False)] == ["warning"]
    assert errors(validate(files, own=False)) == []
