"""What a homelab cluster is, one file a step. `ORDER` is the table of contents: what is not in it does not happen."""
