"""How the answers of the step Machines become a log-in, and what happens when it is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from steps import machines, nodes
from wizard.errors import LoginRefused
from wizard.secret import Secret

PI = "192.168.1.11"


@pytest.fixture
def key(tmp_path: Path):
    def make(passphrase: str = "") -> str:
        file = tmp_path / f"key{passphrase}"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", file], check=True)
        return str(file)

    return make


def test_the_passphrase_is_asked_for_only_where_the_key_is_locked(key) -> None:
    asked = machines.QUESTIONS["key_passphrase"].when
    assert asked({"machines": {"key_file": key("open-sesame")}})
    assert not asked({"machines": {"key_file": key()}})
    assert not asked({"machines": {"key_file": "/nowhere"}})
    assert not asked({"machines": {"key_file": None}})


def test_it_reaches_the_log_in_and_not_the_state(pis, key) -> None:
    stage = pis([PI])
    stage.ctx.keep("machines", "key_file", key("open-sesame"))
    stage.ctx.keep("machines", "key_passphrase", Secret("open-sesame"))
    given = nodes.login(stage.ctx, PI, ())
    assert given.key_passphrase == Secret("open-sesame")
    assert "open-sesame" not in stage.saved().replace("keyopen-sesame", "")


def test_where_the_wizards_own_key_was_installed_no_passphrase_is_needed(pis, key) -> None:
    """It would be asked for in every new run: nothing typed is saved."""
    stage = pis([PI])
    stage.ctx.keep("machines", "key_file", key("open-sesame"))
    stage.ctx.keep("machines", "key_passphrase", Secret("open-sesame"))
    (stage.ctx.state.path.parent / "id_ed25519").write_text("own")
    assert nodes.login(stage.ctx, PI, ()).key_passphrase is None
    stage.ctx.state.remember("machines", PI, "hostname", value=None)  # as after a new card
    assert nodes.login(stage.ctx, PI, ()).key_passphrase == Secret("open-sesame")


def test_a_refused_log_in_names_the_answers_to_ask_for_again(pis) -> None:
    stage = pis([PI])
    stage.ctx.keep("machines", "password", Secret("not-the-password"))
    with pytest.raises(LoginRefused) as refused:
        nodes.host(stage.ctx, PI)
    assert refused.value.answers == tuple(f"machines.{key}" for key in nodes.LOGIN)
    assert set(nodes.LOGIN) <= set(machines.QUESTIONS)
    stage.ctx.keep("machines", "password", Secret("raspberry"))
    assert nodes.host(stage.ctx, PI).name
