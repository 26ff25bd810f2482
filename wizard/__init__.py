"""The machine that runs steps: engine, state, hosts, front ends. What a homelab is, `steps` says."""

__version__ = "0.1.0"
