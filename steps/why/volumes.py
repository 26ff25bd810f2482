"""Why a volume is not there: the claim, its class, what mounting said. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from steps.why.finding import Finding, find
from steps.why.sight import Object, Sight, meta, name, place, said, spec, status

DEFAULT = "storageclass.kubernetes.io/is-default-class"


def of_pod(sight: Sight, pod: Object) -> Iterator[Object]:
    """The claims that `pod` uses."""
    for volume in spec(pod).get("volumes") or ():
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim and (found := sight.one("persistentvolumeclaims", place(pod)[0], str(claim))):
            yield found


def why(sight: Sight, claim: Object) -> Iterator[Finding]:
    """Why a claim is not bound; nothing for one that is, or that waits for its first pod."""
    phase, events = status(claim).get("phase"), sight.warnings("PersistentVolumeClaim", *place(claim))
    seen = [said(one) for one in events[:2]]
    if phase == "Bound":
        return
    if phase == "Lost":
        yield find("volume-lost", name(claim), [f"phase {phase}", *seen])
        return
    wanted = spec(claim).get("storageClassName")
    classes = {str(meta(one).get("name")): one for one in sight.all("storageclasses")}
    if wanted and wanted not in classes:
        yield find("volume-class-missing", name(claim), seen or [f"storageClassName {wanted}"], storage=str(wanted))
    elif not wanted and not spec(claim).get("volumeName") and not any(map(_default, classes.values())):
        yield find("volume-no-class", name(claim), seen or ["no storageClassName, and no class is the default"])
    elif spec(claim).get("volumeName"):
        yield find("volume-missing", name(claim), seen, volume=str(spec(claim)["volumeName"]))
    else:
        storage = classes.get(str(wanted)) or next(iter(classes.values()), {})
        if str(storage.get("volumeBindingMode")) != "WaitForFirstConsumer" or seen:
            who = str(storage.get("provisioner", "…"))
            yield find("volume-not-made", name(claim), seen or ["no volume was made"], provisioner=who)


def _default(storage: Object) -> bool:
    return bool((meta(storage).get("annotations") or {}).get(DEFAULT) == "true")


def mount(pod: Object, text: str, subject: str) -> Finding:
    """What a failed mount means."""
    if missing := re.search(r'(?:secret|configmap|references non-existent \w+ key:) "?([\w.-]+)"?', text):
        return find("pod-config-missing", name(pod), [text], subject=subject, missing=missing[1])
    code = "volume-in-use" if "Multi-Attach" in text or "already used by" in text else "volume-mount"
    return find(code, name(pod), [text], subject=subject)
