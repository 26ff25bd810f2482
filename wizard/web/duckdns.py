"""DuckDNS: one call sets a name's addresses or its one TXT record. Its status is always 200; the body says OK or KO."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from wizard.errors import WizardError
from wizard.secret import Secret, redact
from wizard.world import Request, World

URL = "https://www.duckdns.org"


@dataclass(frozen=True)
class DuckDns:
    """A client for the account that `token` belongs to."""

    world: World
    token: Secret
    url: str = URL

    def set_txt(self, name: str, text: str) -> bool:
        """Sets the TXT record that `name` (without .duckdns.org) shares with all names below it. False: refused."""
        return self._update({"domains": name, "txt": text})

    def clear_txt(self, name: str) -> bool:
        """Empties the TXT record. False: refused."""
        return self._update({"domains": name, "txt": "", "clear": "true"})

    def point_here(self, name: str) -> str:
        """Points `name` at the IPv4 address that the request comes from, and returns it; empty when it is not told."""
        words = self._ask({"domains": name, "verbose": "true"})
        return next((word for word in words[1:3] if word.count(".") == 3), "") if words[0] == "OK" else ""

    def _update(self, query: dict[str, str]) -> bool:
        return self._ask(query)[0] == "OK"

    def _ask(self, query: dict[str, str]) -> list[str]:
        """The words of the answer, OK or KO first."""
        request = Request("GET", f"{self.url}/update?{urlencode(query)}", secret_query={"token": self.token})
        response = self.world.http(request)
        words = response.body.decode("utf-8", "replace").split()
        if response.status == 200 and words[:1] in (["OK"], ["KO"]):
            return words
        begins = redact(" ".join(words)[:100])
        raise WizardError(
            "DuckDNS did not answer as it should.", f"Status {response.status}, beginning: {begins}" if begins
            else f"Status {response.status} and nothing else.",
            "DuckDNS has outages: wait some minutes and run the same command again.",
        )  # fmt: skip
