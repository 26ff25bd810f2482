"""What is wrong with a Pi's membership, in words: what Tailscale and the control servers write, and what helps. Pure.

The messages are real ones, seen in the lab with headscale, or reported by people of Tailscale's own service:
`tests/cases/tailnet/messages.yaml` says where each is from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from steps.tailnet_facts import Member
from wizard.errors import Blocked, WizardError
from wizard.web.tailnet import Machine

CONSOLE = "https://login.tailscale.com/admin/machines"
_NEW_KEY = "Make a new tagged key and give it as tailnet.auth_key, or give tailnet.api_key instead."
_CAUSES = (  # words, what they mean, what helps; the first that fits
    (("authkey already used", "key already used"), "The key has been used up: it is good for one machine only.",
     f"{_NEW_KEY} When it is new: the control server remembers this Pi's former registration, delete that there."),
    (("authkey expired", "auth key expired", "key has expired"), "The key has expired.", _NEW_KEY),
    (("invalid pre auth key", "authkey not found", "unable to validate API key", "invalid API token"),
     "The control server does not know the key.", f"Was it copied whole, and made on this server? {_NEW_KEY}"),
    (("invalid key:",), "Tailscale does not take the key: it has been used up, has ended or was revoked.", _NEW_KEY),
    (("NodeKeyExpired",), "The control server remembers this Pi's former registration, which has ended.",
     "Delete this machine on the control server (headscale nodes delete), and run the same command again."),
    (("requested tags",), "The key may not give these tags.",
     'Tailscale: add "tagOwners": {"tag:homelab": ["autogroup:admin"]} to the access rules, or set tailnet.tags to the'
     " key's own tags. headscale: tags come with the key, none may be asked for."),
    (("CreateTUN", "/dev/net/tun"), "There is no TUN device, which a VPN needs.",
     "Load the kernel module tun on this Pi (sudo modprobe tun), and run the same command again."),
    (("certificate has expired or is not yet valid",), "The login server's certificate is not valid at this time.",
     "Renew it, or set the Pi's clock right."),
    (("x509: certificate is valid for", "doesn't contain any IP SANs", "is not valid for any names"),
     "The login server's certificate is for another name.", "Give tailnet.login_server as its certificate has it."),
    (("x509:", "signed by unknown authority"), "The Pi does not trust the login server's certificate.",
     "Give its certificate authority as tailnet.ca_file."),
    (("fetch control key: 4", "fetch control key: 5", "unexpected http status"),
     "What answers at that address is no login server, or one that is out of order.",
     "Correct tailnet.login_server: it is the server_url of headscale's configuration."),
    (("failed to resolve", "no such host", "server misbehaving"), "The Pi can't look up the login server's name.",
     "Check the name, and the Pi's resolver in /etc/resolv.conf."),
    (("connection refused", "i/o timeout", "no route to host", "network is unreachable", "deadline exceeded"),
     "The login server does not answer.", "Is it running, and does the network let the Pi out to it?"),
    (("To approve your machine", "NeedsMachineAuth"), "Your tailnet approves every device by hand.",
     f"Approve it at {CONSOLE} and run the same command again; a key that is pre-approved spares that."),
    (("failed to connect to local tailscaled",), "Tailscale's daemon does not run on the Pi.",
     "Look at `journalctl -u tailscaled` there, and run the same command again."),
    (("To authenticate, visit", "https://login.tailscale.com/a/", "/register/"),
     "The control server wants somebody to log in: it got no key, or an empty one.", _NEW_KEY),
)  # fmt: skip


def join_failed(output: str, host: str, server: str) -> WizardError:
    """The error for a log-in that failed, from what Tailscale wrote and said about its health.

    What it wrote comes first: its health may still hold the reason of an attempt before. A reason that may lie in the
    answers names them, so that trying again asks for them.
    """
    wrote, mark, health = output.partition('"Health"')
    what = f"The Pi could not join the tailnet of {server}."
    for text in (wrote, mark + health):
        for words, why, fix in _CAUSES:
            if any(word in text for word in words):
                return WizardError(what, why, fix, host=host)
    lines = [line.strip() for line in output.splitlines() if line.strip(' \t"[],:')]
    said = f"It says: {lines[-1][:200]}" if lines else ""
    fix = "Look at `journalctl -u tailscaled` on the Pi, and run the same command again."
    return WizardError(what, said, fix, host=host)


def foreign(member: Member, known: Iterable[Machine]) -> Blocked | None:
    """A Pi that is in another tailnet than the one of the API key, whose machines are `known`.

    All tailnets of Tailscale have the same login server: it must not be taken for one that was deleted.
    """
    domains = sorted({machine.domain for machine in known if machine.domain})
    if not (member.joined and member.domain and domains) or member.domain in domains:
        return None
    return Blocked(
        f"This Pi already belongs to another tailnet: {member.domain}.", f"The API key is for {' and '.join(domains)}.",
        "Take it out of there with `sudo tailscale logout` on the Pi, or correct tailnet.api_key.", host=member.address,
    )  # fmt: skip


def unknown(member: Member) -> Blocked:
    """A Pi that believes in a registration which the control server does not have, and homelab never saw there."""
    return Blocked(
        "The control server does not know this Pi, though the Pi believes to be a part of the tailnet.",
        "It was deleted there, or it belongs to another tailnet than the API key.",
        "Run `sudo tailscale logout` on the Pi, and then the same command again: it joins anew. Or correct"
        " tailnet.api_key.", host=member.address,
    )  # fmt: skip


def obstacles(member: Member, server: str, *, renewed: bool = False) -> Iterator[Blocked]:
    """What only the person can change. `renewed`: a key that has ended will be renewed by the API."""
    if member.joined and member.prefs and member.login_server != server:
        yield Blocked(
            f"This Pi already belongs to the tailnet of {member.login_server}.", f"The answers say {server}.",
            "Take it out of there with `sudo tailscale logout` on the Pi, or correct the answers.", host=member.address,
        )  # fmt: skip
    if member.state == "NeedsMachineAuth":
        yield Blocked(
            "This Pi waits to be let into the tailnet.", "Your tailnet approves every device by hand.",
            f"Approve it at {CONSOLE} and run the same command again.", host=member.address,
        )  # fmt: skip
    if member.expired and not renewed:
        yield Blocked(
            "This Pi's key for the tailnet has expired.", "A key without a tag ends after some months.",
            "Disable key expiry for the machine on the control server (Tailscale: … > Disable key expiry; headscale:"
            " headscale nodes expire --identifier NUMBER --disable), and run the same command again; with"
            " tailnet.api_key the wizard does that.", host=member.address,
        )  # fmt: skip
    if any("locked out" in line for line in member.health):
        yield Blocked(
            "This Pi is locked out of the tailnet.", "Tailnet lock is on, and nobody has signed this Pi's key.",
            f"Sign it on a machine that may: tailscale lock sign {member.me.get('PublicKey') or 'NODEKEY'}. Then run"
            " the same command again.", host=member.address,
        )  # fmt: skip
