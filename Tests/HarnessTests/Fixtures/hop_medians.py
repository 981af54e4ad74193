"""Medians (nearest rank) of the hops between capture files, by tcpdump's reading of them.

usage: hop_medians.py FILE…   the files in the order in which a request passes their taps
Prints one median in ns a line: requests from file to file, then replies from the last file back to the first.
"""
import subprocess
import sys


def messages(path):
    """(is a reply, sequence) → first time in ns."""
    command = ["tcpdump", "-r", path, "-n", "-tt", "--time-stamp-precision=nano", "-x"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    packets = []
    for line in lines:
        if line.startswith("\t0x"):
            packets[-1][1] += bytes.fromhex(line.split(":", 1)[1].replace(" ", ""))
        else:
            seconds, fraction = line.split()[0].split(".")
            packets.append([int(seconds) * 10**9 + int(fraction), b""])
    seen = {}
    for time, packet in packets:
        payload = packet[28:]  # after 20 bytes of IPv4 and 8 of UDP
        if payload[8:11] == b"BNC":
            seen.setdefault((payload[11:12] == b"h", int.from_bytes(payload[:8], "little")), time)
    return seen


taps = [messages(path) for path in sys.argv[1:]]
everywhere = set.intersection(*({number for reply, number in tap if not reply} for tap in taps))
everywhere &= set.intersection(*({number for reply, number in tap if reply} for tap in taps))
for reply, path in [(False, taps), (True, taps[::-1])]:
    for earlier, later in zip(path, path[1:]):
        hops = sorted(later[reply, number] - earlier[reply, number] for number in everywhere)
        print(hops[(len(hops) + 1) // 2 - 1])
