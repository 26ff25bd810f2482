"""Pinned programs: what is kept, what is refused."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wizard import download
from wizard.errors import WizardError
from wizard.world import Request, Response

URL = "https://mirror.test/tool_1.0_linux_amd64.tar.gz"


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Web:
    """Answers with what it was given."""

    def __init__(self, **pages: bytes) -> None:
        self.pages = pages

    def http(self, request: Request) -> Response:
        body = self.pages.get(request.url.rpartition("/")[2].partition("_")[0])
        return Response(200, body) if body is not None else Response(404, b"")


def world(**pages: bytes) -> Any:
    return Web(**pages)


def test_a_program_is_checked_and_kept(tmp_path: Path) -> None:
    data, target = archive(tool=b"#!/bin/sh\n"), tmp_path / "bin" / "tool-1.0"
    download.install(world(tool=data), URL, hashlib.sha256(data).hexdigest(), "tool", target)
    assert target.read_bytes() == b"#!/bin/sh\n" and target.stat().st_mode & 0o777 == 0o755
    assert [file.name for file in target.parent.iterdir()] == ["tool-1.0"]


@pytest.mark.parametrize(
    ("pages", "sha256", "what"),
    [
        ({"tool": b"something else"}, "0" * 64, "is not what it should be"),
        ({}, "0" * 64, "can't be downloaded"),
        ({"tool": b"no archive"}, hashlib.sha256(b"no archive").hexdigest(), "holds no program"),
    ],
)
def test_what_is_not_right_is_not_kept(pages: dict[str, bytes], sha256: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(WizardError, match=what):
        download.install(world(**pages), URL, sha256, "tool", tmp_path / "tool")
    assert not list(tmp_path.iterdir())


def test_checksums_are_found_by_file_name() -> None:
    text = f"{'a' * 64}  other.tar.gz\n{'B' * 64} *tool.tar.gz\n"
    assert download.checksum(text, "tool.tar.gz", "checksums.txt") == "b" * 64
    with pytest.raises(WizardError, match=r"checksums\.txt holds no checksum of missing"):
        download.checksum(text, "missing.tar.gz", "checksums.txt")


def test_published_checksums_come_over_https_only() -> None:
    web = world(checksums=b"text")
    assert download.checksums_of_release(web, "https://mirror.test/checksums_1.txt") == "text"
    with pytest.raises(WizardError, match="not encrypted"):
        download.checksums_of_release(web, "http://mirror.test/checksums_1.txt")


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [("Linux", "x86_64", "linux_amd64"), ("Linux", "aarch64", "linux_arm64"), ("Darwin", "arm64", "darwin_arm64")],
)
def test_this_computer_by_the_name_of_its_releases(
    system: str, machine: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "platform", SimpleNamespace(system=lambda: system, machine=lambda: machine))
    assert download.system() == name


def test_a_computer_without_releases_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "platform", SimpleNamespace(system=lambda: "Linux", machine=lambda: "armv7l"))
    with pytest.raises(WizardError, match="armv7l"):
        download.system()
