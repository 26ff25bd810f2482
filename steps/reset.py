"""Reset: the cluster ends, and every Pi is given back as it was before homelab."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from steps import control_plane, giving_back, nodes, own_key, router_upnp, tailnet_reset
from steps.giving_back import Left
from steps.tailnet_reset import TailnetLeft
from steps.tls import keep
from steps.tls.keep import Keeping
from wizard.context import Context
from wizard.errors import Blocked, LoginRefused, Problem, Unreachable
from wizard.question import ADDRESS, Answers, Question, list_of
from wizard.step import Change, Step

SKIP = Question(
    "skip", "Which Pis are left out, because they do not answer?", list_of(ADDRESS), required=False, advanced=True,
    help="They stay as they are. To give one back later, name the state that was set aside with --state FILE.",
)  # fmt: skip
ASIDE = ".reset-"  # in the name of a state file that was set aside


@dataclass(frozen=True)
class ResetFacts:
    """What is left, on the Pis and on this computer."""

    cluster: str
    pis: tuple[Left, ...] = ()
    skipped: tuple[str, ...] = ()
    tailnet: TailnetLeft = field(default_factory=TailnetLeft)
    here: bool = False  # this computer still holds a kubeconfig, a key or a state that goes
    certificates: Keeping = field(default_factory=Keeping)
    forwards: bool = False  # the router forwards ports because homelab asked it to


class Reset(Step[ResetFacts]):
    """Undoes the journey. What was in git and at the DNS provider stays; in the router, what was set by hand."""

    name = "reset"
    title = "Reset"
    intro = "The cluster ends, and each Pi is given back: files, packages, services and settings as they were before."
    questions = (SKIP,)

    def validate(self, answers: Answers) -> list[Problem]:
        hosts = answers.get("machines", {}).get("hosts") or []
        return [
            Problem("reset.skip", f"{address} is not one of this cluster's Pis.", f"They are: {', '.join(hosts)}.")
            for address in answers.get("reset", {}).get("skip") or []
            if hosts and address not in hosts
        ]

    def check(self, ctx: Context) -> ResetFacts:
        skipped = tuple(ctx.answers.get("reset", {}).get("skip") or ())
        todo = [a for a in nodes.addresses(ctx.answers) if a not in skipped and not _is_done(ctx, a)]
        looked = ctx.each(todo, lambda address: _look(ctx, address))
        if silent := [address for address, left in looked.items() if left is None]:
            raise _no_answer(ctx, silent)
        pis = tuple(left for left in looked.values() if left is not None and not left.nothing)
        asked = [address for address in nodes.addresses(ctx.answers) if address not in skipped]
        tailnet = tailnet_reset.look(ctx, asked, pis, skipped)
        here, forwards = bool(_here(ctx, skipped)), bool(ctx.state.recall("router", "upnp"))
        return ResetFacts(ctx.state.cluster, pis, skipped, tailnet, here, keep.last(ctx), forwards)

    def plan(self, facts: ResetFacts, answers: Answers) -> list[Change]:
        if not (facts.pis or facts.here or facts.tailnet.anything):
            return []
        count = f"{len(facts.pis)} Pi{'' if len(facts.pis) == 1 else 's'}"
        ending = Change(
            "reset/cluster", f"end the cluster {facts.cluster} with all that is stored in it, and give {count} back",
            _begin, danger=True, word=facts.cluster,
            detail="Volumes on the Pis and the cluster's Secrets are gone then. The repository in git stays.",
        )  # fmt: skip
        sentence = "remove the cluster's kubeconfig from this computer and set its state aside"
        found = [change for left in facts.pis for change in giving_back.changes(left)]
        found += tailnet_reset.changes(facts.tailnet)
        kept = [Change("reset/certificates", keep.SENTENCE, keep.save)] if facts.certificates.stale else []
        closed = [router_upnp.closing("reset/router")] if facts.forwards else []
        return [*kept, ending, *found, *closed, Change("reset/computer", sentence, _leave(facts))]


def _begin(ctx: Context) -> None:
    """From here on no step of the journey counts as done."""
    for step in list(ctx.state.done):
        ctx.state.reopened(step)


def _last(ctx: Context, address: str) -> Mapping[str, Any]:
    """What was done to a Pi last, as the journal has it."""
    return next((entry for entry in reversed(ctx.state.journal) if entry.get("host") == address), {})


def _is_done(ctx: Context, address: str) -> bool:
    """Whether the Pi was given back, and nothing was done to it since. The wizard may have no way in any more."""
    last = _last(ctx, address)
    return last.get("change") == "reset/forget" and "finished" in last


def _look(ctx: Context, address: str) -> Left | None:
    """What is left on a Pi; None when it does not answer."""
    user, key = str(ctx.answers["machines"]["user"]), (own_key.public(ctx).split() or ["", ""])[1]
    try:
        left = giving_back.parse(address, giving_back.look(ctx, address, user, key))
    except Unreachable:
        return None
    except LoginRefused:
        if _last(ctx, address).get("change") != "reset/forget":
            raise
        return Left(address)  # its last change took the key away, and was interrupted before that could be noted
    return replace(left, name=ctx.name_of(address), user=user, key=key)


def _no_answer(ctx: Context, silent: list[str]) -> Blocked:
    names = " and ".join(ctx.name_of(address) for address in silent)
    skip = " ".join(f"--skip {address}" for address in silent)
    return Blocked(
        f"{names} {'does' if len(silent) == 1 else 'do'} not answer.", "What is on it can't be given back from here.",
        f"Switch it on and run the same command again, or go on without it: homelab reset {skip}",
    )  # fmt: skip


# -- this computer ---------------------------------------------------------------------------------------


def _here(ctx: Context, skipped: tuple[str, ...]) -> list[Path]:
    """What goes from this computer. The key stays for as long as a Pi is left that it opens."""
    found = [control_plane.kubeconfig_path(ctx), *([] if skipped else [own_key.file(ctx)])]
    state = ctx.state.path
    begun = bool(ctx.state.journal)  # as long as nothing was ever done, the answers alone are nothing to reset
    return [path for path in found if path.exists()] + (
        [state] if begun and state.exists() and ASIDE not in state.name else []
    )


def _leave(facts: ResetFacts) -> Callable[[Context], None]:
    skipped = facts.skipped

    def do(ctx: Context) -> None:
        state = ctx.state.path
        for path in _here(ctx, skipped):
            if path != state:
                path.unlink()
        if ASIDE not in state.name:
            stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
            state = ctx.state.set_aside(f"{state.stem}{ASIDE}{stamp}{state.suffix}")
        said = [f"What was answered, seen and done is still in {state}."]
        if skipped:
            names = " and ".join(skipped)
            said.append(f"{names} stayed as it was. To give it back later: homelab reset --state {state}")
        if by_hand := tailnet_reset.told(ctx.answers, facts.tailnet):
            said.append(by_hand)
        ctx.note("The cluster is gone", "\n".join(said))

    return do
