"""Runs the real `homelab --plain` in a network namespace of its own, and watches what it sends. Started by
test_discovery.py with `unshare --net`; nothing it does can leave.

    python first_packets.py STATE

One end of a veth pair is this computer in 192.168.77.0/24; the other end is where every frame is counted. Prints, as
JSON, what was sent before the network was confirmed and to whom afterwards.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time

NETWORK = "192.168.77.0/28"
SETUP = """
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link set lo up
ip link add home type veth peer name wire
ip link set wire up
ip addr add 192.168.77.5/28 dev home
ip link set home up
ip route add default via 192.168.77.1
"""


def destination(frame: bytes) -> str:
    """To whom a frame goes: the address asked for by ARP, or an IP packet's; else its Ethernet type."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind == 0x0806:
        return socket.inet_ntoa(frame[38:42])
    return socket.inet_ntoa(frame[30:34]) if kind == 0x0800 else f"type {kind:04x}"


def watch(seen: list[str]) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as sock:
        sock.bind(("wire", 0))
        while True:
            seen.append(destination(sock.recv(2048)))


def main(state: str) -> None:
    subprocess.run(["sh", "-euc", SETUP], check=True)
    seen: list[str] = []
    threading.Thread(target=watch, args=(seen,), daemon=True).start()
    time.sleep(0.5)
    wizard = subprocess.Popen(
        [sys.executable, "-m", "wizard", "--plain", "--state", state],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
    )  # fmt: skip
    shown = ""
    while "]:" not in shown:  # the prompt of the network question, which ends without a new line
        piece = wizard.stdout.read(1)
        if not piece:
            break
        shown += piece
    time.sleep(3)  # whatever might be sent while a person thinks
    before = list(seen)
    rest, _ = wizard.communicate(f"{NETWORK}\n", timeout=60)
    print(json.dumps({"before": before, "after": sorted(set(seen[len(before) :])), "shown": shown + rest}))


if __name__ == "__main__":
    main(sys.argv[1])
