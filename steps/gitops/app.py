"""An app that `homelab app expose` wrote into the repository, and the notes by which it is known there. Pure.

The repository decides which apps there are: the notes are on the app's Kustomization of Flux. Another computer, or this
one without its state, reads them there and makes the same files of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from steps.gitops.tree import Object, get, mapping, read

Form = Literal["catalogue", "service", "image", "chart"]
FORMS: tuple[Form, ...] = ("catalogue", "service", "image", "chart")
LABEL = "homelab.local/app"  # its value is the form; the notes are annotations that begin alike
NOTE = "homelab.local/"
STORAGE = "local-path"  # the StorageClass that homelab brings


@dataclass(frozen=True)
class App:
    """What homelab has to know of one app to write all of its files.

    `of` is the name in the catalogue, the image, the chart's address, or ``NAMESPACE/SERVICE:PORT``. `internal` and
    `external` are the first part of the name below either domain, empty where it is not reached. `size` and `storage`
    are its volume's as it was first made, which can't be changed afterwards; empty without one.
    """

    name: str
    form: Form
    of: str
    internal: str = ""
    external: str = ""
    port: str = ""  # of an image's container
    data: str = ""  # the folder in which an image keeps its data
    size: str = ""
    storage: str = ""
    memory: str = ""  # an image's limit
    metrics: str = ""  # an image's PORT/PATH for Prometheus
    version: str = ""  # of a chart
    backend: str = ""  # a chart's SERVICE:PORT

    @property
    def made_here(self) -> bool:
        """Whether it is the app itself that homelab wrote, not only the way to it."""
        return self.form != "service"

    def notes(self) -> dict[str, str]:
        """The annotations that say all of it."""
        return {f"{NOTE}{key}": value for key, value in asdict(self).items() if value and key not in ("name", "form")}


KEYS = frozenset(f"{NOTE}{field.name}" for field in fields(App))


def from_notes(name: str, form: str, notes: Mapping[str, Any]) -> App:
    """The app that a Kustomization's name, label and annotations tell of. Raises ValueError with a sentence."""
    if form not in FORMS:
        raise ValueError(f"{LABEL} is {form!r}, not one of: {', '.join(FORMS)}")
    given = {key.removeprefix(NOTE): str(value) for key, value in notes.items() if key in KEYS}
    if not given.get("of"):
        raise ValueError(f"the annotation {NOTE}of is missing")
    if not (given.get("internal") or given.get("external")):
        raise ValueError(f"neither {NOTE}internal nor {NOTE}external says under which name it is reached")
    return App(**{**given, "name": name, "form": form})  # type: ignore[arg-type]


def kustomizations(cluster: str, files: Mapping[str, str]) -> Iterable[Object]:
    """The Kustomizations of Flux in the cluster's own folder."""
    for path, text in sorted(files.items()):
        if path.startswith(f"clusters/{cluster}/") and path.endswith((".yaml", ".yml")):
            yield from (one for one in read(path, text)[0] if one.kind == "Kustomization")


def apps(cluster: str, files: Mapping[str, str]) -> tuple[App, ...]:
    """The apps that a repository's `files` (path -> text) tell of, by name. Raises ValueError naming the file."""
    found = []
    for one in kustomizations(cluster, files):
        form = get(one.meta, "labels", LABEL)
        if form is not None:
            try:
                found.append(from_notes(one.name, str(form), mapping(one.meta.get("annotations"))))
            except ValueError as error:
                raise ValueError(f"{one.file}: {error}") from None
    return tuple(sorted(found, key=lambda app: app.name))
