# Sends Ethernet frames out of a network card and prints what is answered, one frame a line. What the frames mean knows
# wizard/net (arp.py, dhcp.py); here is only what needs to be root on the LAN.
#   frames.sh CARD ETHERTYPE ROUNDS SECONDS all|silent AT:BYTES...   frames, in hexadecimal, one a line, on stdin
# ROUNDS times: every frame is sent, then answers are listened to for SECONDS. "silent" ends after a round that was
# answered. An answer has BYTES (hexadecimal) at its byte AT, for each of them.
set -eu
command -v python3 >/dev/null || { echo "python3 is not installed" >&2; exit 3; }
program=$(cat <<'PYTHON'
import socket, sys, time

card, kind, rounds, seconds, again = sys.argv[1:6]
signs = [(int(at), bytes.fromhex(text)) for at, text in (sign.split(":") for sign in sys.argv[6:])]
frames = [bytes.fromhex(line) for line in sys.stdin.read().split()]
heard = []
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(int(kind, 16)))
wire.bind((card, int(kind, 16)))
wire.settimeout(0.05)
for _ in range(int(rounds)):
    for frame in frames:
        wire.send(frame)
        time.sleep(0.005)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end and len(heard) < 5000:
        try:
            frame = wire.recv(2048)
        except socket.timeout:
            continue
        if frame not in heard and all(frame[at:at + len(text)] == text for at, text in signs):
            heard.append(frame)
    if heard and again == "silent":
        break
print("\n".join(frame.hex() for frame in heard))
PYTHON
)
exec python3 -c "$program" "$@"
