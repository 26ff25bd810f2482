"""Pinned programs for this computer: downloaded once, checked against a checksum, kept in the user's data folder."""

from __future__ import annotations

import hashlib
import io
import platform
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

from wizard.errors import WizardError
from wizard.world import Request, World

TIMEOUT = 600.0  # seconds for a whole download: a slow line takes its time for 30 MB


def folder() -> Path:
    """Where programs are kept."""
    import platformdirs

    return Path(platformdirs.user_data_dir("homelab-wizard", appauthor=False)) / "bin"


def kept(name: str, version: str) -> Path:
    """Where the program `name` of that version is, or will be."""
    return folder() / f"{name}-{version}"


def system() -> str:
    """This computer as release files call it: ``linux_arm64``. Raises `WizardError` for one that has no releases."""
    machine = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower()
    )
    name = platform.system().lower()
    if machine is None or name not in ("linux", "darwin"):
        raise WizardError(
            f"There is no program for this computer ({platform.system()} {platform.machine()}).", "",
            "Run homelab on 64-bit Linux or macOS, or install the program yourself so that it is on the PATH.",
        )  # fmt: skip
    return f"{name}_{machine}"


def get(world: World, url: str) -> bytes:
    """What `url` offers. Raises `WizardError` when it is not there."""
    answer = world.http(Request("GET", url, timeout=TIMEOUT))
    if answer.status != 200:
        raise WizardError(
            f"{url} can't be downloaded.", f"The server answers {answer.status}.",
            "Check the address of the mirror, and run the same command again.",
        )  # fmt: skip
    return answer.body


def checksum(text: str, file: str, source: str) -> str:
    """The sha256 of `file` in the text of a checksums file. Raises `WizardError` when `source` does not list it."""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 2 and fields[1].lstrip("*") == file and len(fields[0]) == 64:
            return fields[0].lower()
    raise WizardError(f"{source} holds no checksum of {file}.", "", "Name the checksums file of this very release.")


def checksums_of_release(world: World, url: str) -> str:
    """The text of the checksums file that the release itself publishes at `url`.

    It is only as trustworthy as the connection: whoever can change the program there can change this as well.
    So it is taken over https only. Raises `WizardError` for a plain http address.
    """
    if urlsplit(url).scheme != "https":
        raise WizardError(
            f"The checksums at {url} can't be trusted: the connection is not encrypted.", "",
            "Give checksums_file, a file with the checksums of the release, or a mirror with https.",
        )  # fmt: skip
    return get(world, url).decode("utf-8", "replace")


def install(world: World, url: str, sha256: str, member: str, target: Path) -> None:
    """Downloads the archive at `url`, checks it, and puts the program `member` out of it at `target` (0755).

    Raises `WizardError` when the checksum is another one; nothing of the download is then kept.
    """
    data = get(world, url)
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise WizardError(
            f"{url} is not what it should be; it was thrown away.", f"Its sha256 is {found}, expected {sha256}.",
            "Try again; if it stays so, the mirror holds another file under this name.",
        )  # fmt: skip
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
            program = archive.extractfile(member)
            text = program.read() if program else b""
    except (tarfile.TarError, KeyError):
        text = b""
    if not text:
        raise WizardError(f"{url} holds no program {member}.", "", "Check the address of the mirror.")
    _put(target, text)


def _put(target: Path, data: bytes) -> None:
    new = target.with_name(f".{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(data)
        new.chmod(0o755)
        new.replace(target)
    except OSError as error:
        raise WizardError(f"{target} could not be written.", f"{error.strerror}.", "Free some space there.") from None
