"""`make golden`, or `python -m tests.golden`: writes the golden repositories anew and shows what became different."""

from tests.golden import apps
from tests.golden.repositories import write_all

apps.write_all()
print(write_all() or "The golden repositories are as they were.")
