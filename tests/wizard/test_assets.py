"""Assets are found, and the pins have the shape that code relies on."""

from __future__ import annotations

import re
from typing import Any

import pytest

from wizard import assets


def test_the_root_holds_what_code_names() -> None:
    assert (assets.root() / "versions.yaml").is_file()
    assert "@@" in assets.text("node/facts.sh")


def test_a_missing_asset_is_not_hidden() -> None:
    with pytest.raises(FileNotFoundError):
        assets.text("node/no-such-file")


def pins(data: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(data, dict):
        return [found for key, value in data.items() for found in pins(value, f"{path}.{key}".strip("."))]
    return [(path, data)]


@pytest.mark.parametrize(("path", "value"), pins(dict(assets.versions())))
def test_every_pin_is_text_of_its_own_form(path: str, value: object) -> None:
    assert isinstance(value, str), f"{path} must be quoted, or YAML makes a number of it"
    last = path.rpartition(".")[2]
    forms = {
        "version": r"v?\d+\.\d+\.\d+", "key": r"[0-9A-F]{40}", "sha256": r"[0-9a-f]{64}", "apt": r"https://[\w./-]+",
        "url": r"(https|oci)://[\w./-]+", "download": r"https://[\w./-]+", "git": r"https://[\w./-]+",
        "image": r"[\w./-]+:[\w.-]+", "plugin_image": r"[\w./-]+:[\w.-]+", "needs_containerd": r"\d+\.\d+",
        "pause": r"registry\.k8s\.io/pause:[\d.]+",
    }  # fmt: skip
    if form := forms.get(last):
        assert re.fullmatch(form, value), f"{path}: {value}"


def test_every_part_of_the_stack_is_pinned() -> None:
    versions = assets.versions()
    assert {"kubernetes", "containerd", "flannel", "tailscale", "flux", "charts", "gateway-api"} <= set(versions)
    for name, chart in versions["charts"].items():
        assert {"version", "url"} <= set(chart), name
