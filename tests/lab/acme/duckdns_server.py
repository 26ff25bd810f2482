"""duckdns_server.py ADDRESS TOKEN NAME...: DuckDNS as it behaves, for one account that owns the NAMEs.

Its update API on port 80 answers 200 with OK or KO; each name has one address and one TXT record, which it shares with
all names below it. Its own DNS answers for duckdns.org on port 53. Debian's python3-dnslib.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from dnslib import NS, QTYPE, RCODE, RR, SOA, TXT, A
from dnslib.server import BaseResolver, DNSLogger, DNSServer

ZONE, TTL = "duckdns.org", 60


class Account:
    def __init__(self, token, names):
        self.token = token
        self.addresses = dict.fromkeys(names, "")
        self.texts = dict.fromkeys(names, "")

    def update(self, query, caller):
        """The body of the answer. Nothing is changed unless every name is the account's."""
        names = query.get("domains", "").split(",")
        if query.get("token") != self.token or not set(names) <= set(self.addresses):
            return "KO"
        kind, values = ("txt", self.texts) if "txt" in query else ("ip", self.addresses)
        new = query.get(kind) or ("" if kind == "txt" else caller)
        new = "" if query.get("clear") == "true" else new
        changed = any(values[name] != new for name in names)
        values.update(dict.fromkeys(names, new))
        more = f"\n{new}\n{'UPDATED' if changed else 'NOCHANGE'}" if query.get("verbose") == "true" else ""
        return f"OK{more}"


class Zone(BaseResolver):
    def __init__(self, account, address):
        self.account, self.address = account, address

    def resolve(self, request, handler):
        reply, asked, kind = request.reply(), str(request.q.qname).lower().rstrip("."), QTYPE[request.q.qtype]
        found = self.found(asked, kind)
        for data in found or []:
            reply.add_answer(RR(asked, getattr(QTYPE, kind), rdata=data, ttl=TTL))
        if not found:
            reply.header.rcode = RCODE.NXDOMAIN if found is None else RCODE.NOERROR
            reply.add_auth(RR(ZONE, QTYPE.SOA, rdata=self.authority(), ttl=TTL))
        print(f"dns {asked} {kind} {' '.join(map(str, found or ['-']))}", flush=True)
        return reply

    def authority(self):
        return SOA(f"ns1.{ZONE}", f"hostmaster.{ZONE}", (1, 6000, 120, 2419200, TTL))

    def found(self, asked, kind):
        """The records of that kind; None when there is no such name."""
        if asked == ZONE:
            return {"SOA": [self.authority()], "NS": [NS(f"ns1.{ZONE}")]}.get(kind, [])
        if asked == f"ns1.{ZONE}":
            return [A(self.address)] if kind == "A" else []
        name = asked.removesuffix(f".{ZONE}").rpartition(".")[2]
        if not asked.endswith(f".{ZONE}") or name not in self.account.addresses:
            return None
        value = {"A": self.account.addresses, "TXT": self.account.texts}.get(kind, {}).get(name)
        return [{"A": A, "TXT": TXT}[kind](value)] if value else []


class Api(BaseHTTPRequestHandler):
    account = None

    def log_message(self, *args):
        pass

    def do_GET(self):
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = self.account.update(query, self.client_address[0]) if parts.path == "/update" else "KO"
        shown = " ".join(f"{key}={value}" for key, value in query.items() if key != "token")
        print(f"api {self.client_address[0]} {shown} {body.split()[0]}", flush=True)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


def main():
    address, token, *names = sys.argv[1:]
    Api.account = Account(token, names)
    for tcp in (False, True):
        quiet = DNSLogger("-request,-reply")
        DNSServer(Zone(Api.account, address), address=address, port=53, tcp=tcp, logger=quiet).start_thread()
    ThreadingHTTPServer((address, 80), Api).serve_forever()


if __name__ == "__main__":
    main()
