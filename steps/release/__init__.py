"""`homelab upgrade`: the pins of this release against those in the repository, brought there and taken back."""
