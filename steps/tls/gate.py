"""What has to be so before a push lets a running cluster ask for production certificates, whoever wants it.

Promoting goes by the same rules as another answer in the answers file. A new cluster is held to them by `keep`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from steps import flux
from steps.flux_status import SYNC
from steps.gitops.single_names import wanted
from steps.repository_content import Content
from steps.tls import look, meter, report
from wizard.context import Context
from wizard.errors import Blocked

FOLDER = "infrastructure/gateways/"
LATER = (
    "Let domains.issuer be staging until then, and run homelab; homelab certificates promote asks for real ones later."
)


def hold(content: Content) -> None:
    """Raises `Blocked` when the cluster would ask for production certificates after the push, and should not yet."""
    ctx, difference = content.ctx, content.difference
    after = {path: content.rendered.get(path) for path in difference.write}
    after |= {path: one.merged.text for path, one in difference.both.items()}
    asking = [path for path, text in after.items() if path.startswith(FOLDER) and _asks(look.PRODUCTION, text)]
    if not (asking and flux.kubeconfig(ctx).exists()):
        return
    cluster = flux.reach(ctx)
    if not cluster.get(SYNC):  # nothing runs there yet that would ask
        return
    names, found = wanted(content.settings, content.rendered), look.certificates(cluster)
    if any(_asks(look.STAGING, content.text(path, content.now)) for path in asking):
        refuse_unready(found, names, LATER)
        refuse_used_up(ctx, found, names, LATER)
    else:
        refuse_used_up(ctx, found, names, "Run the same command again then, or choose other names.")


def _asks(issuer: str, gateway: str | None) -> bool:
    return f"cluster-issuer: {issuer}" in (gateway or "")


def refuse_used_up(
    ctx: Context, found: Sequence[look.Certificate], names: Sequence[str], fix: str
) -> list[meter.Meter]:
    """The meters for those of `names` that have no production certificate. Raises `Blocked` when one is used up."""
    had = {name for one in found if one.issuer == look.PRODUCTION for name in one.names}
    new = [name for name in names if name not in had]
    if not new or ctx.answers["domains"].get("acme_directory"):  # an authority of one's own has no such limit
        return []
    meters = meter.meters(report.everything(ctx), new, datetime.now(UTC))
    meter.refuse_used_up(meters, fix)
    return meters


def refuse_unready(found: Sequence[look.Certificate], wanted: Sequence[str], fix: str) -> None:
    """Raises `Blocked` while not every name has its certificate; a real one, had by hand, will do. Pure."""
    there = {name: one for one in found for name in one.names}
    bad = []
    for name in wanted:
        one = there.get(name)
        if one is None:
            bad.append(f"{name}: no certificate has been asked for yet.")
        elif not one.good:
            bad.append(f"{name}: {one.why or f'it is still to be had from {one.issuer}'}.")
    if bad:
        raise Blocked(
            "Production certificates are not asked for yet: those of the test service are not ready.", "\n".join(bad),
            f"{fix} What fails there would fail again, and count against Let's Encrypt's limits.",
        )  # fmt: skip
