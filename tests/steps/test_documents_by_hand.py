"""What a person writes into the documents stays, and what homelab knows better is brought up to date around it."""

from __future__ import annotations

from pathlib import Path

from tests.steps.repository_home import new, replaced

NOTE = "## My own notes\n\nThe spare Pi lies in the drawer.\n"


def test_notes_in_the_runbook_stay_while_addresses_change(tmp_path: Path) -> None:
    home = new(tmp_path)
    home.run()
    page = "docs/runbook.md"
    home.edit(replaced(page, ("## How to do things\n", f"{NOTE}\n## How to do things\n")))
    home.edit(replaced("README.md", ("What runs on this home's cluster.", "What runs in my attic.")))
    assert home.plan() == []
    home.answers["addresses"]["external_address"] = "10.0.0.66"
    home.answers["machines"]["hosts"].append("10.0.0.13")
    home.run()
    assert NOTE in home.show(page)
    assert "TCP 443 | 10.0.0.66 port 443" in home.show(page) and "10.0.0.61" not in home.show(page)
    assert "`ssh pi@10.0.0.13`" in home.show(page) and "10.0.0.13" in home.show("docs/network.svg")
    assert "What runs in my attic." in home.show("README.md")
    assert home.plan() == []
