"""The Flux repository: rendered from the answers and checked, both pure. The templates are `assets/gitops`."""
