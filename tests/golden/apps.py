"""The files of every app of the catalogue, and of one of each other form, in one home with everything.

`apps/NAME.txt` holds them as `repositories.py` does; `make golden` writes them as well.
"""

from __future__ import annotations

from dataclasses import replace

from steps.gitops.app import STORAGE, App
from steps.gitops.app_files import files, secrets
from steps.gitops.catalogue import catalogue
from steps.gitops.render import render, secret_files
from steps.gitops.settings import Settings
from tests.golden.repositories import HERE, as_files, as_text, sealed, settings

FOLDER = HERE / "apps"
HOME = "duckdns-full"
OTHERS = {
    "an-image": App(
        "an-image", "image", "docker.io/them/pages:1.2.3", external="pages", port="8080", data="/data", size="1Gi",
        storage=STORAGE, memory="128Mi", metrics="9090/metrics",
    ),
    "an-image-without-data": App(
        "an-image-without-data", "image", "docker.io/them/pages:1.2.3", internal="pages", port="80",
    ),
    "a-chart": App(
        "a-chart", "chart", "oci://ghcr.io/them/charts/pages", internal="pages", version="1.2.3",
        backend="a-chart-pages:9898",
    ),
    "a-chart-by-https": App(
        "a-chart-by-https", "chart", "https://charts.example.org/pages", internal="pages", external="pages",
        version="1.2.3", backend="pages:80",
    ),
    "a-service": App("a-service", "service", "hello/hello:80", internal="another-name"),
}  # fmt: skip


def app(name: str) -> App:
    """One that is reached from everywhere, if it is of the catalogue."""
    if name in OTHERS:
        return OTHERS[name]
    size = catalogue()[name].size
    return App(name, "catalogue", name, name, name, size=size, storage=STORAGE if size else "")


NAMES = sorted({*catalogue(), *OTHERS})


def home(name: str) -> Settings:
    return replace(settings(HOME), exposed=(app(name),))


def of_app(name: str) -> dict[str, str]:
    """Path -> text of the app's own files."""
    made = home(name)
    hidden = {path: sealed(text) for path, text in secrets(app(name)).items()}
    return dict(sorted({**files(app(name), made), **hidden}.items()))


def repository(name: str) -> dict[str, str]:
    """The whole repository with that app."""
    made = home(name)
    return {**render(made), **{path: sealed(text) for path, text in secret_files(made).items()}}


def stored(name: str) -> dict[str, str]:
    file = FOLDER / f"{name}.txt"
    return as_files(file.read_text(encoding="utf-8")) if file.exists() else {}


def write_all() -> None:
    """Writes every `apps/NAME.txt` anew."""
    for name in NAMES:
        (FOLDER / f"{name}.txt").write_text(as_text(of_app(name)), encoding="utf-8")
    for stale in {file.stem for file in FOLDER.glob("*.txt")} - set(NAMES):
        (FOLDER / f"{stale}.txt").unlink()
