"""Keys to the tailnet: the one to its API, and those that the Pis join with, each made for one Pi or given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from steps import tailnet_facts
from wizard.context import Context
from wizard.errors import Blocked, ConnectionLost, Interrupted, TrustError, WizardError
from wizard.question import Answers
from wizard.secret import Secret
from wizard.web import oauth
from wizard.web.api import ApiError
from wizard.web.headscale import Headscale
from wizard.web.tailnet import AuthKey, ControlServer, KeyState, Machine
from wizard.web.tailscale import Tailscale

KEY_SECONDS = 600  # that a key made for one Pi is good for
API_KEY, AUTH_KEY = "api_key", "auth_key"
_PREFIXES = (  # how a key begins, whose it is, and which answer it belongs to
    ("tskey-auth-", "tailscale", AUTH_KEY), ("tskey-api-", "tailscale", API_KEY), (oauth.PREFIX, "tailscale", API_KEY),
    ("hskey-auth-", "headscale", AUTH_KEY), ("hskey-api-", "headscale", API_KEY),
)  # fmt: skip
_CALLED = {API_KEY: "a key to the API", AUTH_KEY: "a key to join with"}


def control(ctx: Context, former: Answers | None = None) -> ControlServer | None:
    """The control server's API, None without a key to it. Raises `WizardError` when the key is refused.

    `former`: the answers as they were, where there is to be no tailnet any more.
    """
    given = (former or ctx.answers)["tailnet"]
    if not given.get(API_KEY):
        return None
    key = _secret(ctx, API_KEY, str(given["service"]))
    if given["service"] == "headscale":
        return Headscale(ctx.world, given["login_server"], key, given.get("ca_file"))
    if not oauth.is_client(key):
        return Tailscale(ctx.world, key)
    grant, ends = ctx.scratch.get("tailscale token", (None, 0.0))
    if ends < ctx.world.now() + 60:
        with _blaming(API_KEY):
            grant = oauth.token(ctx.world, key, Tailscale.url)
        ctx.scratch["tailscale token"] = grant, ctx.world.now() + grant.seconds
    return Tailscale(ctx.world, grant.token, grant=grant)


def control_if_any(ctx: Context, former: Answers | None = None) -> tuple[ControlServer | None, str]:
    """Like `control`, for where it must not stop anything: without one, and why."""
    try:
        return control(ctx, former), ""
    except Interrupted:
        raise
    except WizardError as error:
        return None, " ".join(error.sentences())


def asked(ctx: Context, former: Answers | None = None) -> tuple[ControlServer | None, list[Machine], str]:
    """The control server and its machines, for where it must not stop anything: without one, and why."""
    server, why_not = control_if_any(ctx, former)
    try:
        return server, server.machines() if server else [], why_not
    except (Interrupted, ConnectionLost, TrustError):
        raise
    except WizardError as error:
        return None, [], " ".join(error.sentences())


def _secret(ctx: Context, question: str, service: str = "") -> Secret:
    from steps.tailnet import QUESTIONS  # the step defines the questions, this module reads their answers

    key = ctx.secret("tailnet", QUESTIONS[question])
    if problem := wrong_kind(key, question, service or str(ctx.answers["tailnet"]["service"])):
        raise problem
    return key


def wrong_kind(key: Secret, question: str, service: str) -> Blocked | None:
    """A key that is meant for something else, as its beginning tells. Pure."""
    for prefix, whose, meant in _PREFIXES:
        if key.reveal().startswith(prefix) and (whose, meant) != (service, question):
            problem = Blocked(
                f"tailnet.{question} holds {_CALLED[meant]} of {whose.capitalize()}: it begins with {prefix}.",
                f"It must be {_CALLED[question]} of {service.capitalize()}.",
                f"Give it as tailnet.{meant}." if whose == service else "Correct the key, or tailnet.service.",
            )  # fmt: skip
            problem.answers = (f"tailnet.{question}",)
            return problem
    return None


@contextmanager
def _blaming(question: str) -> Iterator[None]:
    """A refusal of the API is put down to the answer to `question`, which is then asked for again."""
    try:
        yield
    except ApiError as error:
        if error.status in (401, 403):
            error.answers = (f"tailnet.{question}",)
        raise


# -- looking ------------------------------------------------------------------------------------------------


def scopes(answers: Answers) -> list[str]:
    """What an OAuth client must be allowed to do."""
    needed = [] if answers["tailnet"].get(AUTH_KEY) else ["auth_keys"]
    needed += ["devices:core", "devices:routes"]
    apps = answers.get("repository", {}).get("apps")
    return needed + (["dns"] if apps is None or tailnet_facts.has_resolver(answers) else [])


def machines(ctx: Context, server: ControlServer) -> list[Machine]:
    """Every machine of the tailnet. Raises `Blocked` when the key may not do what will be needed later."""
    if missing := server.lacking(scopes(ctx.answers)):
        named = " and ".join(missing)
        problem = Blocked(
            f"The OAuth client may not do everything that is needed: it lacks {named}.",
            "Keys for the Pis take auth_keys; looking, keys that last and leaving take devices:core; approving routes"
            " takes devices:routes; private names take dns.",
            f"Make one with these scopes, to write, at {oauth.PAGE}.",
        )  # fmt: skip
        problem.answers = (f"tailnet.{API_KEY}",)
        raise problem
    with _blaming(API_KEY):
        return server.machines()


def end_of_api_key(ctx: Context, server: ControlServer) -> str:
    """When the key to the API ends (RFC 3339); empty: never, or the server does not tell."""
    state = server.state_of(_secret(ctx, API_KEY))
    return state.ends if state else ""


# -- joining ------------------------------------------------------------------------------------------------


@contextmanager
def for_joining(ctx: Context, host: str) -> Iterator[tuple[Secret, bool]]:
    """The key to join one Pi with, and whether it was made for that: then it is worthless when this ends.

    The one that was given goes first. Raises `WizardError` for a key that can't do it, as far as that can be known.
    """
    server = control(ctx)
    if ctx.answers["tailnet"].get(AUTH_KEY) or server is None:
        key = _secret(ctx, AUTH_KEY)
        state = server.state_of(key) if server else None
        if state:
            _fit(ctx, state, host)
        yield key, False
        return
    with _blaming(API_KEY):
        made: AuthKey = server.make_key(tailnet_facts.tags(ctx.answers), KEY_SECONDS)
    try:
        yield made.key, True
    finally:
        with suppress(ApiError):  # it ends by itself within minutes
            server.revoke(made)


def _fit(ctx: Context, state: KeyState, host: str) -> None:
    """Raises what is wrong with the key that was given; what only may be wrong is told, once."""
    service, tags = str(ctx.answers["tailnet"]["service"]), tailnet_facts.tags(ctx.answers)
    problem = unusable(state, datetime.now(UTC)) or (wrong_tags(state, tags) if service == "headscale" else None)
    if problem:
        problem.host = host
        raise problem
    lacks = [tag for tag in tags if tag not in state.tags]
    if state.tags and lacks and not ctx.scratch.setdefault("tailnet key's tags told", []):
        ctx.scratch["tailnet key's tags told"].append(lacks)
        has, wanted = " and ".join(state.tags), " and ".join(lacks)
        ctx.note(f"The key to join with is for {has}", f"It gives {wanted} only where the policy lets {has} own that.")


def wrong_tags(state: KeyState, tags: Sequence[str]) -> Blocked | None:
    """A key of headscale that does not give the Pis their tags: there, tags come with the key. Pure."""
    if all(tag in state.tags for tag in tags):
        return None
    has, wanted = " and ".join(state.tags) or "no tag", ",".join(tags)
    problem = Blocked(
        f"The key that the Pis are to join with gives them {has}, and not {' and '.join(tags)}.",
        "Tags come with the key. Without them the tailnet's policy does not hold for the Pis; without any, keys end.",
        f"Make one with headscale preauthkeys create --reusable --tags {wanted}; or leave tailnet.{AUTH_KEY} out, and"
        " the API key makes one for each Pi; or set tailnet.tags to the key's own.",
    )  # fmt: skip
    problem.answers = (f"tailnet.{AUTH_KEY}", "tailnet.tags")
    return problem


def unusable(state: KeyState, now: datetime) -> Blocked | None:
    """A key to join with that is good for nothing any more. Pure."""
    why = ""
    if state.ends and datetime.fromisoformat(state.ends) <= now:
        why = f"It ended on {state.ends[:10]}."
    elif state.invalid:
        why = "It was revoked."
    elif state.used and not state.reusable:
        why = "It has been used up: it was good for one machine only."
    if not why:
        return None
    problem = Blocked(
        "The key that the Pis are to join with is no longer valid.", why,
        f"Make a new one and give it as tailnet.{AUTH_KEY}; or leave it out, and the API key makes one for each Pi.",
    )  # fmt: skip
    problem.answers = (f"tailnet.{AUTH_KEY}",)
    return problem
