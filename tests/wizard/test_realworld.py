"""Programs, requests and waiting for real."""

import sys
import threading
import time

import pytest

from wizard.errors import Interrupted, WizardError
from wizard.realworld import RealWorld
from wizard.secret import Secret
from wizard.world import Request


@pytest.fixture
def world():
    return RealWorld()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


# -- programs


def test_a_program_gets_its_input_and_environment(world, tmp_path):
    code = "import os, sys; print(sys.stdin.read(), os.environ['GREETING'], os.getcwd()); print('e', file=sys.stderr)"
    result = world.run(python(code), stdin=b"in", env={"GREETING": "hello"}, cwd=tmp_path)
    assert (result.code, result.out.split(), result.err) == (0, ["in", "hello", str(tmp_path)], "e\n")


def test_a_failing_program_is_a_result(world):
    assert world.run(python("raise SystemExit(3)")).code == 3


def test_input_that_is_not_read_does_no_harm(world):
    assert world.run(python("pass"), stdin=b"x" * 1_000_000).code == 0


def test_lines_come_while_it_runs(world):
    came: list[tuple[str, float]] = []
    code = "import time; print('one', flush=True); time.sleep(0.5); print('two')"
    world.run(python(code), on_line=lambda line: came.append((line, time.monotonic())))
    assert [line for line, _ in came] == ["one", "two"]
    assert came[1][1] - came[0][1] > 0.3


def test_a_missing_program_is_named(world):
    with pytest.raises(WizardError, match="program no-such-program could not be started"):
        world.run(["/nowhere/no-such-program", "secret-argument"])


def test_a_program_and_its_children_end_at_the_timeout(world, tmp_path):
    late = tmp_path / "late"
    began = time.monotonic()
    with pytest.raises(WizardError, match=r"sh took longer than 0\.4 seconds"):
        world.run(["sh", "-c", f"(sleep 2; echo >{late}) & wait"], timeout=0.4)
    assert time.monotonic() - began < 1.5
    time.sleep(max(0.0, began + 2.3 - time.monotonic()))
    assert not late.exists()


def test_stop_ends_a_program(world):
    threading.Timer(0.3, world.stop.set).start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        world.run(["sleep", "5"])
    assert time.monotonic() - began < 1


def test_stop_ends_a_sleep(world):
    threading.Timer(0.2, world.stop.set).start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        world.sleep(5)
    assert time.monotonic() - began < 1


# -- requests


def test_a_request_carries_token_query_and_json(world, site):
    answer = world.http(
        Request("POST", f"{site.url}/a?b=1", json={"x": 1}, token=Secret("to-ken-1"),
                secret_query={"key": Secret("qu ery")}, ca_file=str(site.ca.file))
    )  # fmt: skip
    seen = site.seen[0]
    assert answer.status == 200
    assert seen["path"] == "/a?b=1&key=qu+ery"
    assert seen["headers"]["Authorization"] == "Bearer to-ken-1"
    assert seen["body"] == b'{"x": 1}'


@pytest.mark.parametrize("status", [204, 404, 500])
def test_any_status_is_an_answer(world, site, status):
    site.answer = lambda seen: (status, b"", {"X-Kind": "k"})
    answer = world.http(Request("GET", site.url, ca_file=str(site.ca.file)))
    assert (answer.status, answer.headers["x-kind"]) == (status, "k")


def test_a_certificate_of_an_unknown_authority_is_refused(world, site):
    with pytest.raises(WizardError, match="GET https://") as failed:
        world.http(Request("GET", site.url))
    assert "not trusted" in failed.value.why
    assert site.seen == []


def test_a_ca_file_that_is_none_is_named(world, site, tmp_path):
    (tmp_path / "empty").write_text("no certificate")
    with pytest.raises(WizardError, match="certificate file"):
        world.http(Request("GET", site.url, ca_file=str(tmp_path / "empty")))


def test_a_failure_shows_neither_token_nor_query(world, site):
    request = Request(
        "GET", f"{site.url}/update?domains=a", token=Secret("to-ken-2"), secret_query={"token": Secret("to-ken-3")},
        ca_file=str(site.ca.file),
    )  # fmt: skip
    site.close()
    with pytest.raises(WizardError) as failed:
        world.http(request)
    assert "/update" in str(failed.value)
    assert "to-ken" not in str(failed.value)
    assert "domains=a" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


def test_a_redirect_to_another_host_gets_no_token(world, site, tmp_path):
    (tmp_path / "other").mkdir()
    other = type(site)(tmp_path / "other")
    both = tmp_path / "both.pem"
    both.write_bytes(site.ca.file.read_bytes() + other.ca.file.read_bytes())
    site.answer = lambda seen: (302, b"", {"Location": f"{other.url}/there"})
    answer = world.http(
        Request("GET", f"{site.url}/here", token=Secret("to-ken-4"), secret_query={"k": Secret("to-ken-5")},
                ca_file=str(both))
    )  # fmt: skip
    other.close()
    assert answer.status == 200
    assert other.seen[0]["path"] == "/there"
    assert "Authorization" not in other.seen[0]["headers"]


def test_a_redirect_away_from_https_is_not_followed(world, site):
    site.answer = lambda seen: (302, b"", {"Location": "http://127.0.0.1:9/there"})
    assert world.http(Request("GET", site.url, ca_file=str(site.ca.file))).status == 302


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_only_a_get_follows_redirects(world, site, method):
    site.answer = lambda seen: (302, b"", {"Location": f"{site.url}/there"})
    assert world.http(Request(method, site.url, ca_file=str(site.ca.file))).status == 302
    assert len(site.seen) == 1


def test_no_answer_in_time_is_named(world, site):
    release = threading.Event()
    site.answer = lambda seen: (200, {"late": release.wait(5)}, {})
    with pytest.raises(WizardError) as failed:
        world.http(Request("GET", site.url, ca_file=str(site.ca.file), timeout=0.5))
    release.set()
    assert "did not answer within 0.5 seconds" in failed.value.why
