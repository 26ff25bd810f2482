"""What `homelab app expose` asks. Data."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from steps.expose.look import OF_THE_CLUSTER, seen
from steps.expose.refusals import unfit
from steps.expose.wanted import DOMAINS, WHO, mine, name_of, proposed_name, sides
from steps.gitops.catalogue import catalogue
from steps.gitops.checks.pins import MOVING
from wizard.context import Context
from wizard.question import CHOICE, INTEGER, NAME, Answers, Choice, Kind, Question


def _image(raw: object) -> str:
    text = str(raw).strip()
    if not re.fullmatch(r"[a-z0-9][\w.:/-]*(@sha256:[0-9a-f]{64})?", text):
        raise ValueError(f"{text!r} is not an image such as docker.io/library/nginx:1.29")
    tag = text.rpartition("/")[2].partition(":")[2]
    if "@" not in text and (not tag or tag in MOVING):
        raise ValueError(
            f"{text} is another image from time to time: name a version, such as {text.partition(':')[0]}:1.2.3"
        )
    return text


def _port(raw: object) -> int:
    port = INTEGER.parse(raw)
    if not 0 < port < 65536:
        raise ValueError(f"{port} is not a port: those are 1 to 65535")
    return int(port)


def _matching(pattern: str, example: str) -> Callable[[object], str]:
    def parse(raw: object) -> str:
        text = str(raw).strip()
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not of the form {example}")
        return text

    return parse


def _host(raw: object) -> str:
    text = str(raw).strip().lower().rstrip(".")
    for part in text.split("."):
        NAME.parse(part)
    return text


SERVICE = Kind("service", _matching(r"[a-z0-9-]+/[a-z0-9.-]+:\d{1,5}", "NAMESPACE/SERVICE:PORT"), widget="choice")
IMAGE = Kind("image", _image)
PORT = Kind("port", _port, schema={"type": "integer"})
FOLDER = Kind("folder", _matching(r"/[\w./-]+", "/data"))
CHART = Kind("chart", _matching(r"(oci|https)://[\w.:-]+(/[\w.-]+)+", "oci://ghcr.io/them/charts/app"))
VERSION = Kind("version", _matching(r"v?\d+\.\d+\.\d+([-+.][\w.+-]+)?", "1.2.3"))
BACKEND = Kind("service and port", _matching(r"[a-z0-9.-]+:\d{1,5}", "SERVICE:PORT"))
SIZE = Kind("size", _matching(r"[1-9]\d*(Mi|Gi|Ti)", "10Gi"))
METRICS = Kind("port and path", _matching(r"\d{1,5}/[\w./-]+", "9090/metrics"))
HOST = Kind("name", _host)


def _is(*forms: str) -> Callable[[Answers], bool]:
    return lambda answers: mine(answers).get("form") in forms


def _services(ctx: Context) -> Sequence[Choice]:
    """Every port of every Service that may be meant."""
    return [
        Choice(f"{one.space}/{one.name}:{port}", f"{one.name}, port {port}", f"in the namespace {one.space}")
        for one in sorted(seen(ctx).services, key=lambda one: (one.space, one.name))
        if one.space not in OF_THE_CLUSTER and one.kind != "ExternalName"
        and (one.space, one.name) != ("default", "kubernetes")
        for port in one.ports
    ]  # fmt: skip


def _entries(ctx: Context) -> Sequence[Choice]:
    """The catalogue: first what can be had here, then the rest, which says why not."""
    here, not_here = [], []
    for entry in catalogue().values():
        if problem := unfit(entry.name, seen(ctx)):
            not_here.append(Choice(entry.name, f"{entry.title} (not here)", problem.what))
        else:
            here.append(Choice(entry.name, entry.title, entry.about))
    return here + not_here


def _as_before(key: str) -> Callable[[Context], str | None]:
    """What an app of that name has now: exposing it again changes only what is said anew."""

    def default(ctx: Context) -> str | None:
        known = seen(ctx).app(name_of(mine(ctx.answers)))
        return getattr(known, key, "") or None

    return default


def _caution(ctx: Context) -> str:
    given, domains = mine(ctx.answers), ctx.answers["domains"]
    names = [f"{side}: a name below {domains[DOMAINS[side]]}, for {WHO[side]}." for side in ("internal", "external")]
    if given.get("form") == "catalogue":
        names.append(catalogue()[given["entry"]].caution)
    else:
        names.append("Whether it asks for a password is not known here: look before you open it to the internet.")
    return "\n".join(names)


def _names(ctx: Context) -> str:
    given, domains = mine(ctx.answers), ctx.answers["domains"]
    example = name_of(given)
    return "\n".join(f"{example} becomes {example}.{domains[DOMAINS[side]]}." for side in sides(given))


QUESTIONS = (
    Question(
        "form", "What shall be reached?", CHOICE,
        choices=(
            Choice("catalogue", "an app that homelab knows", f"{len(catalogue())} that people run at home"),
            Choice("service", "something that runs in the cluster already", "a Service of it"),
            Choice("image", "any container image", "you say its port and its data"),
            Choice("chart", "any Helm chart", "you say its version and its Service"),
        ),
    ),
    Question(
        "entry", "Which app?", CHOICE, when=_is("catalogue"), choices=_entries,
    ),
    Question(
        "service", "Which Service?", SERVICE, when=_is("service"), choices=_services, source="the cluster",
        help="It stays as it is; only the way to it is written.",
    ),
    Question("image", "Which image?", IMAGE, when=_is("image"), help="With its version, made for your Pis (arm64)."),
    Question(
        "port", "On which port does it serve pages?", PORT, when=_is("image"), default=_as_before("port"),
        help="That of the container.",
    ),
    Question(
        "data", "In which folder does it keep its data?", FOLDER, required=False, when=_is("image"),
        default=_as_before("data"),
        help="Left empty, it keeps nothing: all that it writes is gone when it starts again.",
    ),
    Question(
        "chart", "Where is the chart?", CHART, when=_is("chart"),
        help="oci://…/NAME, or https://…/NAME where NAME is the chart in the Helm repository before it.",
    ),
    Question("version", "Which version of the chart?", VERSION, when=_is("chart")),
    Question(
        "backend", "Which of the chart's Services serves pages?", BACKEND, when=_is("chart"),
        default=_as_before("backend"),
        help="SERVICE:PORT. The release is called as the app, and most charts name their Service after it.",
    ),
    Question(
        "name", "What shall it be called?", NAME, when=_is("service", "image", "chart"),
        default=lambda ctx: proposed_name(mine(ctx.answers)) or None,
        help="So are its folder in the repository and its namespace.",
    ),
    Question(
        "reach", "Who shall be able to reach it?", CHOICE, explain=_caution,
        choices=(
            Choice("internal", "home and VPN", "nobody else"), Choice("external", "the internet", "everybody"),
            Choice("both", "both", "a name for each"),
        ),
    ),
    Question(
        "host", "Under which name?", HOST, default=lambda ctx: name_of(mine(ctx.answers)), explain=_names,
        help="The first part is enough.",
    ),
    Question(
        "size", "How much room does its data need?", SIZE, required=False, advanced=True,
        help="What is asked for; a folder on a card is not cut off there. It can't be changed afterwards.",
    ),
    Question(
        "storage", "Which StorageClass shall hold its data?", NAME, required=False, advanced=True,
        help="Left out: the cluster's own default, or local-path, a folder on the Pi that it runs on.",
    ),
    Question("memory", "How much memory may it take at most?", SIZE, required=False, advanced=True, help="512Mi."),
    Question(
        "metrics", "Where does it show numbers for Prometheus?", METRICS, required=False, advanced=True,
        help="PORT/PATH such as 9090/metrics. Looked at when monitoring is installed.",
    ),
)  # fmt: skip
