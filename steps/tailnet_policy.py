"""What a person does on the control server where no key to its API was given, word for word. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from steps import tailnet_facts
from steps.tailnet_why import CONSOLE
from wizard.question import Answers

POLICY = "https://login.tailscale.com/admin/acls/file"


def how_to_approve(answers: Answers, names: Sequence[str], routes: Iterable[str]) -> str:
    """How the routers called `names` get to serve `routes`: once by hand, or for good by the tailnet's policy."""
    wanted = tuple(routes)
    listed, pis = ",".join(wanted), " and ".join(names)
    if answers["tailnet"]["service"] == "headscale":
        by_hand = (
            f"On the headscale server, for each of {pis}: look up its number with `headscale nodes list`, then run:"
            f" headscale nodes approve-routes --identifier NUMBER --routes {listed}"
        )
        where = "the policy (headscale policy get, headscale policy set --file FILE)"
    else:
        by_hand = f"Open {CONSOLE}; for each of {pis} choose the menu … > Edit route settings, and tick {listed}."
        where = f"the policy at {POLICY}"
    policy = snippet(answers, wanted)
    return (
        f"{by_hand}\nOr for good, new Pis included: put this into {where}, beside what is there:\n{policy}"
        if policy
        else by_hand
    )


def how_to_tag(answers: Answers, name: str, number: str, tags: Sequence[str]) -> str:
    """How the machine called `name` gets exactly these tags; `number` is its number, empty when it is not known."""
    if answers["tailnet"]["service"] == "headscale":
        which = number or "NUMBER"
        look_up = "" if number else f" (look its number up with `headscale nodes list`, it is called {name})"
        return (
            f"On the headscale server: headscale nodes tag --identifier {which} --tags {','.join(tags)}{look_up}. The"
            f" policy must have {_owned(answers, tags)} before."
        )
    return (
        f"Open {CONSOLE}, and for {name} choose the menu … > Edit ACL tags: {' and '.join(tags)}. The policy must have"
        f" {_owned(answers, tags)} before: {POLICY}"
    )


def _owned(answers: Answers, tags: Sequence[str]) -> str:
    """The policy's words that make `tags` known.

    Tailscale lets admins own a tag; in headscale whoever makes keys may give it, and a tag may be owned by nobody.
    """
    owners = [] if answers["tailnet"]["service"] == "headscale" else ["autogroup:admin"]
    return f'"tagOwners": {json.dumps(dict.fromkeys(tags, owners))}'


def snippet(answers: Answers, routes: Sequence[str]) -> str:
    """The parts of the tailnet's policy by which Pis with the tags may serve the routes; empty without tags."""
    tags = list(tailnet_facts.tags(answers))
    if not tags:
        return ""
    approvers = ",\n".join(f'    "{route}": {json.dumps(tags)}' for route in routes)
    return f'  {_owned(answers, tags)},\n  "autoApprovers": {{"routes": {{\n{approvers}\n  }}}},'


def how_to_remove(answers: Answers, name: str, addresses: Sequence[str]) -> str:
    """How a Pi is taken out of the tailnet's machines."""
    which = f"{name} ({', '.join(addresses)})" if addresses else name
    if answers["tailnet"]["service"] == "headscale":
        return (
            f"On the headscale server: find the number of {which} with `headscale nodes list`, then run:"
            " headscale nodes delete --identifier NUMBER"
        )
    return f"Open {CONSOLE}, and for {which} choose the menu … > Remove."
