"""Why something waits or does not work: one library for every wait, for `homelab status` and for `homelab doctor`.

`sight` is what can be looked at, `finding` what is found, `walk` goes from what ails to its causes. One module a layer
knows that layer's own words. Nothing here writes.
"""
