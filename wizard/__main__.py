"""`python -m wizard`: the command `homelab`."""

import sys

from wizard.cli import main

sys.exit(main())
