"""The program `flux`: found, downloaded, and made to bootstrap with the approved host key and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from steps import repository_access as access
from wizard import assets, download, userfile
from wizard.context import Context
from wizard.errors import TrustError, WizardError
from wizard.host.base import Result

DEADLINE = 900.0  # seconds for bootstrap: a Pi pulls four images first
# the agent lives as long as the program it starts, so that the key is nowhere else and nothing is left behind
_WITH_KEY = ["ssh-agent", "sh", "-c", 'ssh-add -q "$0" </dev/null && exec "$@"']


def pin() -> Any:
    return assets.versions()["flux"]


def find(ctx: Context) -> str | None:
    """A `flux` of the pinned version: on the PATH, or downloaded earlier."""
    version = str(pin()["version"])
    kept = download.kept("flux", version)
    for program in ["flux", *([str(kept)] if kept.exists() else [])]:
        try:
            done = ctx.world.run([program, "version", "--client"], timeout=30)
        except WizardError:  # there is no such program
            continue
        if done.code == 0 and f"v{version}" in done.out.split():
            return program
    return None


def fetch(ctx: Context) -> None:
    """Downloads the pinned version, checks its sha256 and keeps it in the user's data folder."""
    version, given = str(pin()["version"]), ctx.answers["flux"]
    base = f"{given.get('download_mirror') or pin()['download']}/fluxcd/flux2/releases/download/v{version}"
    file = f"flux_{version}_{download.system()}.tar.gz"
    ctx.progress(None, f"downloading {file}")
    download.install(ctx.world, f"{base}/{file}", _checksum(ctx, base, file), "flux", download.kept("flux", version))


def _checksum(ctx: Context, base: str, file: str) -> str:
    """The sha256 of `file`: the person's, else the pinned one, else the one that the release itself publishes."""
    version, source = str(pin()["version"]), ctx.answers["flux"].get("checksums_file")
    if source:
        try:
            text = userfile.read_bytes(Path(source)).decode(errors="replace")
        except OSError as error:
            raise WizardError(f"{source} could not be read.", f"{error.strerror}.", "Name another file.") from None
        return download.checksum(text, file, source)
    if pinned := (pin().get("sha256") or {}).get(download.system()):
        return str(pinned)
    url = f"{base}/flux_{version}_checksums.txt"
    return download.checksum(download.checksums_of_release(ctx.world, url), file, url)


def bootstrap(ctx: Context, kubeconfig: Path) -> None:
    """Runs ``flux bootstrap git``. Run again it completes a half-done one and changes nothing in a whole one."""
    program = find(ctx)
    if program is None:
        raise WizardError("The program flux is gone.", "It was there a moment ago.", "Run the same command again.")
    given = ctx.answers["repository"]
    argv = [
        program, "bootstrap", "git", f"--url={access.known(ctx)}", f"--branch={given['branch']}",
        f"--path=clusters/{ctx.state.cluster}", "--silent", "--timeout=10m",
    ]  # fmt: skip
    env = {"KUBECONFIG": str(kubeconfig)}
    if access.needs_ssh(ctx):
        # --private-key-file would trust whatever host key is shown, each time; with an agent, the known ones hold
        argv = [*_WITH_KEY, str(access.key_file(ctx)), *argv]
        env |= {"SSH_KNOWN_HOSTS": str(access.known_hosts(ctx)), "SSH_ASKPASS_REQUIRE": "never"}
    done = _run(ctx, argv, env)
    if done.code and "non-fast-forward" in done.out + done.err:  # its second push met one of somebody else
        done = _run(ctx, argv, env)
    if done.code:
        raise explain(ctx, done)


def _run(ctx: Context, argv: list[str], env: dict[str, str]) -> Result:
    return ctx.world.run(argv, env=env, timeout=DEADLINE, on_line=lambda line: ctx.line(None, line))


def explain(ctx: Context, done: Result) -> WizardError:
    """The error for what flux printed."""
    said = done.out + done.err
    lines = [line.strip("✗ ").strip() for line in said.splitlines() if line.strip()]
    last = f"flux says: {lines[-1]}" if lines else ""
    host, _ = access.host_and_port(ctx)
    if "key mismatch" in said or "knownhosts" in said:
        return TrustError(
            f"{host} does not show the host key that was approved. Nothing was sent.", last,
            "Compare its fingerprint with the one its owner publishes before you approve a new one.",
        )  # fmt: skip
    if "Error loading key" in said or "passphrase" in said:
        return WizardError(
            f"The key {access.key_file(ctx)} can't be used without a question.", "It has a passphrase.",
            "Name a key without a passphrase, or leave repository.key_file out.",
        )  # fmt: skip
    if "pre-receive hook declined" in said or "unable to authenticate" in said or "read only" in said:
        return access.repo(ctx).refused(said, pushing=True)
    return WizardError(
        "Flux could not be installed.", last,
        "Run the same command again: it completes what was begun. The log shows everything that flux printed.",
    )  # fmt: skip
