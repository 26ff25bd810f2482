"""Why an app can't be written as it is wanted, beside all that is there. Pure; one function for each thing."""

from __future__ import annotations

from collections.abc import Iterator

from steps.expose.look import Pi, Route, Seen, bytes_of
from steps.expose.wanted import NAMED
from steps.gitops.app import App
from steps.gitops.app_files import hosts
from steps.gitops.app_pod import run_of
from steps.gitops.catalogue import ARCHITECTURES, catalogue
from steps.gitops.checks.routes import covers
from wizard.errors import Problem

PUBLIC = "traefik-external"


def refusals(app: App, seen: Seen) -> list[Problem]:
    """Every reason, those about its name first."""
    return [
        Problem(f"{NAMED}.{key}", what, fix)
        for rule in (_taken, _in_use, _public_by_a_wildcard, _unheard, _service, _class, _insecure, _too_big)
        for key, what, fix in rule(app, seen)
    ]


def unfit(entry: str, seen: Seen) -> Problem | None:
    """Why this app of the catalogue can't be had here at all, whatever its name; None when it can."""
    app = App(entry, "catalogue", entry)
    found = next((each for rule in (_insecure, _too_big) for each in rule(app, seen)), None)
    return Problem(f"{NAMED}.entry", *found[1:]) if found else None


Found = Iterator[tuple[str, str, str]]  # the question that can be answered otherwise, what is wrong, what to do


def _key(app: App) -> str:
    return "entry" if app.form == "catalogue" else "name"


def _taken(app: App, seen: Seen) -> Found:
    """Nothing that somebody else made is written over."""
    known = seen.app(app.name)
    if known is not None and (known.form, known.of.partition(":")[0]) == (app.form, app.of.partition(":")[0]):
        return  # the same app: it is changed
    if known is not None:
        what = f"{app.name} is another app that was exposed already ({known.form} {known.of})."
        yield _key(app), what, f"Give it another name, or first: homelab app remove {app.name}."
        return
    begins, file = f"apps/{app.name}/", f"clusters/{seen.settings.cluster}/{app.name}.yaml"
    there = file if file in seen.files else next((path for path in sorted(seen.files) if path.startswith(begins)), "")
    if there:
        what = f"the repository has {there} already, which homelab app did not write."
        yield _key(app), what, "It is not overwritten. Give the app another name, or move that away."
    elif app.made_here and app.name in seen.spaces and _not_ours(app, seen):
        what = f"the cluster has a namespace {app.name} already, which homelab app did not make."
        yield _key(app), what, "Give the app another name."


def _not_ours(app: App, seen: Seen) -> bool:
    """What an app left that was removed is its own: its data waits there."""
    return seen.spaces[app.name].get("homelab.local/app") != app.name


def _others(app: App, seen: Seen) -> list[Route]:
    """Routes of other apps, those to whole apps first: they say best what a name is used for."""
    return sorted((route for route in seen.routes if route.app != app.name), key=lambda route: not route.whole)


def _in_use(app: App, seen: Seen) -> Found:
    for host in hosts(app, seen.settings).values():
        for route in _others(app, seen):
            if host in route.hosts:
                yield "host", f"{host} is in use: {route.where} leads somewhere else.", "Choose another name."
                break


def _public_by_a_wildcard(app: App, seen: Seen) -> Found:
    """A route on another Gateway that answers under every name would answer under this one, too."""
    host = hosts(app, seen.settings).get("internal", "")
    for route in _others(app, seen) if host else ():
        outside = [name for name in route.gateways if name != "traefik-internal"]
        wide = not route.hosts or any(name.startswith("*.") and covers(name, host) for name in route.hosts)
        if outside and wide and any(covers(heard, host) for name in outside for heard in seen.hears.get(name, [""])):
            says = next((name for name in route.hosts if name.startswith("*.")), "every name")
            what = f"{host} would be public: {route.where} answers for {says} on {outside[0]}."
            yield "reach", what, "Give that route names of its own first, or expose the app to the internet knowingly."


def _unheard(app: App, seen: Seen) -> Found:
    for side, host in hosts(app, seen.settings).items():
        heard = seen.hears.get(f"traefik-{side}", ())
        if not any(covers(name, host) for name in heard):
            names = ", ".join(heard) or "nothing"
            what = f"the Gateway traefik-{side} does not listen to {host}, and its certificate does not cover it."
            yield "host", what, f"It listens to {names}: see infrastructure/gateways/{side}.yaml."


def _service(app: App, seen: Seen) -> Found:
    if app.form != "service":
        return
    space, _, rest = app.of.partition("/")
    name, _, port = rest.partition(":")
    found = next((one for one in seen.services if (one.space, one.name) == (space, name)), None)
    if found is None:
        near = ", ".join(one.name for one in seen.services if one.space == space)
        yield "service", f"the cluster has no Service {space}/{name}.", f"There are in {space}: {near or 'none'}."
    elif found.kind == "ExternalName":
        yield "service", f"{space}/{name} leads out of the cluster.", "A route can only lead to pods in here."
    elif int(port) not in found.ports:
        ports = ", ".join(map(str, found.ports))
        yield "service", f"the Service {space}/{name} has no port {port}.", f"Its ports: {ports or 'none for TCP'}."


def _class(app: App, seen: Seen) -> Found:
    if app.storage and app.storage != "local-path" and app.storage not in seen.classes:
        known = ", ".join(("local-path", *seen.classes))
        yield "storage", f"the cluster has no StorageClass {app.storage}.", f"There are: {known}."


def _insecure(app: App, seen: Seen) -> Found:
    if app.form == "catalogue" and catalogue()[app.of].https and not seen.settings.certificates:
        what = f"{catalogue()[app.of].title} works only over HTTPS, and this cluster has no certificates."
        yield "entry", what, "Choose duckdns or cloudflare as domains.provider first."


def _too_big(app: App, seen: Seen) -> Found:
    """Pis that are too small, or of a kind that the image is not made for. Nothing is said where none was seen."""
    if app.form != "catalogue" or not seen.pis or app.name in {one.name for one in seen.apps}:
        return
    fit = [pi for pi in seen.pis if pi.architecture in (*ARCHITECTURES, "")]
    if not fit:
        kinds = ", ".join(sorted({pi.architecture for pi in seen.pis}))
        yield (
            "entry",
            f"none of the Pis can run it: its image is for {' and '.join(ARCHITECTURES)}, not for {kinds}.",
            "",
        )
        return
    run = run_of(app, seen.settings)
    largest: Pi = max(fit, key=lambda pi: pi.memory)
    if run and 0 < largest.memory < bytes_of(run.memory):
        has = f"{largest.memory / 1024**3:.1f}"
        what = f"it wants {run.memory} of memory, and the largest Pi that takes pods ({largest.name}) has {has} GiB."
        yield "entry", what, "Take a smaller app, or add a larger Pi: homelab node add."
