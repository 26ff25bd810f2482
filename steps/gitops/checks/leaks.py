"""Nothing secret in the clear: looked for in every file, whatever Flux makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from steps.gitops.tree import Finding, Object, get, is_yaml, items, mapping, pattern, read
from wizard.yamllines import Document, documents

ENCRYPTED = "ENC[AES256_GCM,"
FIX = "Encrypt it with sops before it is committed; what was pushed already must be replaced."
# What a key or a token looks like, and what it is called. Each begins in a way that nothing else does.
LOOKS = {
    r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{50,}": "the private age key",
    r"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----(\\n|\s)*([A-Za-z0-9+/]{16}|[A-Z][A-Za-z-]+: )": "a private key",
    r"\bclient-key-data:\s*[A-Za-z0-9+/=]{40,}": "the key of a kubeconfig",
    r"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_\w{60,}": "a token for GitHub",
    r"\bglpat-[\w-]{20}": "a token for GitLab",
    r"\btskey-(auth|api|client|scim)-[A-Za-z0-9]{8,}": "a key for Tailscale",
}
_ANY = re.compile("|".join(f"(?:{pattern})" for pattern in LOOKS))
_HINTS = (  # one of them is in each
    "AGE-SECRET-KEY-", "PRIVATE KEY", "client-key-data", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_",
    "glpat-", "tskey-",
)  # fmt: skip
# What stands for a secret and is none: variables, templates, and references of the tools that fill them in.
_STAND_IN = re.compile(r"\$\{|\{\{|^(<path:|op://|ref\+|vault:|$)")


def leaks(name: str, text: str) -> Iterator[Finding]:
    """Everything in a file that must not be pushed as it is."""
    yield from keys_and_tokens(name, text)
    if is_yaml(name):
        yield from plain_secrets(name, text)


def keys_and_tokens(name: str, text: str) -> Iterator[Finding]:
    """Private keys and tokens in a file, each with its line."""
    for found in _ANY.finditer(text) if any(hint in text for hint in _HINTS) else ():
        called = next(words for pattern, words in LOOKS.items() if re.match(pattern, found[0]))
        line = text.count("\n", 0, found.start()) + 1
        fix = "Take it out, and make a new one: it may have been seen. A push can't be taken back."
        yield Finding("private-key", name, line, f"This is {called}.", fix)


def plain_secrets(name: str, text: str) -> Iterator[Finding]:
    """Secrets of a YAML file that are not encrypted."""
    for document in parsed(text) if "Secret" in text else ():
        whole = mapping(document.data)
        inside = [(("items", number), one) for number, one in items(whole.get("items"))]
        for base, one in [((), whole), *inside]:
            if one.get("kind") == "Secret" and (plain := plain_keys(one)):
                keys = ", ".join(".".join(way) for way in plain)
                what = f"Secret {get(one, 'metadata', 'name')}: {keys} is not encrypted."
                yield Finding("plain-secret", name, document.line((*base, *plain[0])), what, FIX)


def parsed(text: str) -> list[Document]:
    """The documents of a file; none when it is no YAML."""
    try:
        return documents(text)
    except ValueError:
        return []


def plain_keys(secret: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The keys of a Secret whose values can be read by everybody."""
    found: list[tuple[str, ...]] = []
    for field in ("data", "stringData"):
        values = secret.get(field)
        if isinstance(values, Mapping):
            found += [(field, str(key)) for key, value in values.items() if not _harmless(value)]
        elif values is not None and not _harmless(values):
            found.append((field,))
    return found


def _harmless(value: Any) -> bool:
    return value is None or str(value).startswith(ENCRYPTED) or bool(_STAND_IN.search(str(value)))


def generated(one: Object) -> Iterator[Finding]:
    """A Secret that kustomize makes out of literals or of files that are not encrypted."""
    if one.kind != "Secret" or not one.made:
        return
    sealed = any(key in mapping(one.body.get("data")) for key in ("sops_mac", "sops_version"))
    for key, value in mapping(one.body.get("data")).items():
        if not (sealed or _harmless(value) or '"sops"' in value or "\nsops:" in value):
            yield one.finding("plain-secret", (), f"{key} is not encrypted", FIX)
            return


# -- what sops left behind -------------------------------------------------------------------------------------


def sealed_well(name: str, text: str, rules: list[Mapping[str, Any]]) -> Iterator[Finding]:
    """An encrypted file is whole, for the right key, and can still be read by Flux; `rules` are those of .sops.yaml."""
    rule = next((one for one in rules if _matches(one, name)), None)
    objects, _ = read(name, text)
    if ENCRYPTED not in text and "\nsops:" not in text:
        meant = rule and re.search("sops|secret|enc", str(rule.get("path_regex")))  # and not just any file
        if meant and objects and not any(one.kind == "Secret" for one in objects):
            what = ".sops.yaml says that this file is encrypted, and it is not."
            yield Finding("not-encrypted", name, objects[0].at("kind"), what, f"Run: sops encrypt -i {name}")
        return
    if name.endswith((".yaml", ".yml")):
        yield from _unreadable(name, text)
        for one in objects:
            yield from _block(one, rule)


def _matches(rule: Mapping[str, Any], name: str) -> bool:
    found = pattern(str(rule.get("path_regex", "")))
    return bool(found and found.search(name))


def _unreadable(name: str, text: str) -> Iterator[Finding]:
    for document in parsed(text):
        if str(get(document.data, "kind")).startswith(ENCRYPTED):
            fix = "Decrypt it, set encrypted_regex: ^(data|stringData)$ in .sops.yaml, and encrypt it again."
            what = "apiVersion and kind are encrypted too: Flux can't tell what this is."
            yield Finding("sops-too-much", name, document.line(("kind",)), what, fix)


def _block(one: Object, rule: Mapping[str, Any] | None) -> Iterator[Finding]:
    """The block ``sops`` that tells how a document can be decrypted."""
    block = one.body.get("sops")
    if block is None:
        if any(str(value).startswith(ENCRYPTED) for value in _values(one)):
            fix = "Take the file from the last commit that had it; nothing can be decrypted without it."
            yield one.finding("sops-block", (), "it is encrypted, and the block sops is missing", fix)
        return
    missing = [key for key in ("mac", "lastmodified", "version") if not get(block, key)]
    keys = [key for key in ("age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "key_groups") if get(block, key)]
    if missing or not keys:
        what = f"its block sops is not whole: {', '.join(missing) or 'a key that opens it'} is missing"
        fix = "It was cut or merged by hand: take the file from an earlier commit, or encrypt it again."
        yield one.finding("sops-block", ("sops",), what, fix)
        return
    wanted = _recipients(rule or {})
    given = {str(entry.get("recipient")) for _, entry in items(block.get("age"))}
    if wanted and given and not wanted <= given:
        what = f"it is encrypted for {', '.join(sorted(given))}, not for {', '.join(sorted(wanted - given))}"
        fix = f".sops.yaml names the right key. Run: sops updatekeys {one.file}"
        yield one.finding("sops-recipient", ("sops", "age"), what, fix)


def _values(one: Object) -> list[Any]:
    return [value for field in ("data", "stringData") for value in mapping(one.body.get(field)).values()]


def _recipients(rule: Mapping[str, Any]) -> set[str]:
    age = rule.get("age")
    listed = age if isinstance(age, list) else str(age or "").split(",")
    return {str(one).strip() for one in listed if str(one).strip()}


def creation_rules(files: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The rules of `.sops.yaml` at the top of the repository."""
    found = parsed(files.get(".sops.yaml", ""))
    return [one for _, one in items(get(found[0].data, "creation_rules"))] if found else []
