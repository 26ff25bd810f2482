"""`homelab doctor`: checks that rely on each other, what can be mended safely, and a bundle for somebody else."""
