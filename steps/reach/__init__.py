"""Who reaches what: the probes of the proof, what they saw, and what is to blame. Only `probing` sends anything."""
