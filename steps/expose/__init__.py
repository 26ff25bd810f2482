"""`homelab app`: an app is put into the repository, shown under a name, listed, and taken away again."""
