"""The toy journey, for every test of a front end."""

from tests.wizard.toys import session, toys, world

__all__ = ["session", "toys", "world"]
