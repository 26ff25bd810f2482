"""The names of all findings. docs/validation.md tells about each; a test compares the two."""

from __future__ import annotations

from steps.gitops.tree import ERROR, WARNING

# In a person's own repository some are only told (warning). In what is rendered here every one is a mistake.
TOLD = (
    "kind-unknown", "value-ignored", "image-not-pinned", "chart-not-pinned", "source-not-pinned", "kinds-pruned",
    "annotation-old", "kind-too-early", "gateway-of-chart", "storage-missing", "file-unused", "file-unread",
    "variable-unset", "host-everything", "no-flux", "namespace-unmade", "namespace-needless", "object-shared",
)  # fmt: skip
MISTAKES = (
    # files and objects
    "yaml", "not-an-object", "api-version", "name", "namespace-missing", "label", "field-unknown",
    "field-missing", "field-type", "field-value", "value-wrong", "object-twice",
    # folders of kustomize
    "kustomization", "resource-missing", "patch-target",
    # secrets
    "private-key", "plain-secret", "not-encrypted", "sops-block", "sops-recipient", "sops-too-much", "no-decryption",
    # Flux
    "path-missing", "source-missing", "source-type", "dependency-missing", "dependency-cycle",
    "health-check-missing", "variables-missing", "no-retries", "no-timeout", "pod-security",
    # addresses and names
    "pool-range", "pool-overlap", "pool-missing", "pool-silent", "address-form", "address-outside", "address-twice",
    "address-unused", "record-astray", "resolver-loop", "internal-name-public",
    # Gateways, routes and certificates
    "class-unserved", "listener-port", "listener-tls", "selector-shared", "certificate-missing",
    "gateway-missing", "section-missing", "route-refused", "host-unheard", "host-twice", "backend-missing",
    "backend-port", "grant-missing", "issuer-missing", "issuer-secret", "webhook-group", "zone-unsolved",
    "gateways-unwatched",
    # workloads
    "selector-other", "volume-missing", "port-unnamed", "service-empty", "secret-missing", "config-map-missing",
    "key-missing", "claim-missing", "account-missing",
)  # fmt: skip
SEVERITY = {**dict.fromkeys(TOLD, WARNING), **dict.fromkeys(MISTAKES, ERROR)}
