#!/usr/bin/env python3
"""bench hops beside `tshark -T fields` on the same pair of captures: time, and peak memory.

The captures are made here: request and reply of bench's UDP workload, seen at two taps, with seeded delays, and a few of
them lost. tshark only has to print what a script would need to join them: the time, the addresses, the IP header's
identification and the payload's first bytes. Joining is not in its time.
"""

import json
import os
import random
import shutil
import statistics
import struct
import subprocess
import tempfile
import time

from command import INTERNAL, ROOT, UNAVAILABLE, Failure, Parser, Report, require_file, run, whole

GOAL_RATIO = 50
GOAL_MIB = 500

# Ethernet, IPv4 and UDP around a message of 64 bytes, and the packet's header in the file.
PAYLOAD = 64
FRAME = 14 + 20 + 8 + PAYLOAD
RECORD = 16 + FRAME
REQUEST, REPLY = b"BNCH", b"BNCh"
START_NS = 1_700_000_000_000_000_000


def arguments():
    parser = Parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--mib", type=whole(1, 16384), default=1024, metavar="N", help="of both captures together")
    parser.add_argument("--times", type=whole(1, 100), default=3, metavar="N", help="bench hops runs; tshark runs once")
    parser.add_argument("--seed", type=whole(0, 2**63), default=1, metavar="N", help="of delays and losses")
    parser.add_argument("--bench", metavar="FILE", help="bench; else BENCH_EXECUTABLE, or what 'make build' made")
    parser.add_argument("--no-tshark", action="store_true", help="run bench hops only")
    return parser.parse_args()


def bench_path(given):
    path = given or os.environ.get("BENCH_EXECUTABLE")
    if not path:
        path = os.path.join(ROOT, os.environ.get("BUILD_DIR") or ".build", "release", "bench")
    return require_file(os.path.abspath(path), "'make build' makes it")


def template(is_reply):
    """A packet's record, in which the time, the identification and the sequence number are still to be set."""
    magic = REPLY if is_reply else REQUEST
    payload = bytes(8) + magic + struct.pack("<QI", 0x1234_5678_9ABC, 0) + bytes(PAYLOAD - 24)
    addresses = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    ports = struct.pack(">HH", 40000, 7)
    if is_reply:
        addresses = addresses[4:] + addresses[:4]
        ports = ports[2:] + ports[:2]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, FRAME - 14, 0, 0x4000, 64, 17, 0) + addresses
    udp = ports + struct.pack(">HH", 8 + PAYLOAD, 0)
    ethernet = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0])
    return bytearray(struct.pack("<IIII", 0, 0, FRAME, FRAME) + ethernet + ip + udp + payload)


def make(folder, mib, seed):
    """Both captures, and the hops' true medians in ns."""
    pairs = max(1, mib * 1024 * 1024 // (4 * RECORD))
    source = random.Random(seed)
    uniform = source.random
    stamp = struct.Struct("<II").pack_into
    number = struct.Struct(">H").pack_into
    sequence_at = struct.Struct("<Q").pack_into
    packets = (template(False), template(True))
    names = [os.path.join(folder, name) for name in ("client.pcap", "server.pcap")]
    hops = ([], [])
    header = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
    with open(names[0], "wb", 1 << 20) as client, open(names[1], "wb", 1 << 20) as server:
        client.write(header)
        server.write(header)
        now = START_NS
        for sequence in range(pairs):
            there = 800 + int(uniform() * 400) + (int(uniform() * 50000) if uniform() < 0.01 else 0)
            beyond = 4000 + int(uniform() * 3000)
            back = 700 + int(uniform() * 300)
            times = (now, now + there, now + there + beyond, now + there + beyond + back)
            now = times[3] + 3000
            is_lost = uniform() < 0.001
            for index, (packet, early, late) in enumerate(
                ((packets[0], client, server), (packets[1], server, client))
            ):
                number(packet, 16 + 14 + 4, sequence & 0xFFFF)
                sequence_at(packet, RECORD - PAYLOAD, sequence)
                stamp(packet, 0, *divmod(times[2 * index], 1_000_000_000))
                early.write(packet)
                if is_lost:
                    break
                stamp(packet, 0, *divmod(times[2 * index + 1], 1_000_000_000))
                late.write(packet)
            if not is_lost:
                hops[0].append(there)
                hops[1].append(back)
    return names, [sorted(each)[(len(each) + 1) // 2 - 1] for each in hops]


def timed(command, output):
    """Seconds, and the peak of resident memory in MiB."""
    start = time.monotonic()
    with subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Failure(INTERNAL, f"'{' '.join(command)}' failed (exit {child.returncode})")
    return time.monotonic() - start, usage.ru_maxrss / 1024


def hops_of(bench, names, truth):
    """One run of bench hops, whose medians must be the true ones."""
    with tempfile.TemporaryFile() as output:
        seconds, peak = timed([bench, "hops", "--json", "-", *names], output)
        output.seek(0)
        traffic = json.load(output)["traffic"][0]
    medians = [traffic[way]["hops"][0]["durations"]["p50"] for way in ("forward", "backward")]
    if medians != truth:
        raise Failure(INTERNAL, f"bench hops says {medians} ns where the medians are {truth} ns")
    return seconds, peak


def fields_of(names):
    """tshark on both files, one after the other."""
    fields = ["frame.time_epoch", "ip.src", "ip.dst", "ip.id", "udp.payload"]
    total, most = 0, 0
    for name in names:
        command = ["tshark", "-n", "-r", name, "-T", "fields"]
        for field in fields:
            command += ["-e", field]
        seconds, peak = timed(command, subprocess.DEVNULL)
        total += seconds
        most = max(most, peak)
    return total, most


def main():
    given = arguments()
    bench = bench_path(given.bench)
    if not given.no_tshark and not shutil.which("tshark"):
        raise Failure(UNAVAILABLE, "tshark is not installed: on Debian and Ubuntu, 'sudo apt-get install tshark'")
    report = Report(given)
    with tempfile.TemporaryDirectory(prefix="bench-peer-hops-") as folder:
        names, truth = make(folder, given.mib, given.seed)
        size = sum(os.path.getsize(name) for name in names)
        packets = (size - 48) // RECORD
        report.line(f"{size / 2**20:.0f} MiB in two captures, {packets} packets, in the page cache")
        runs = [hops_of(bench, names, truth) for _ in range(given.times)]
        seconds = statistics.median(each[0] for each in runs)
        peak = max(each[1] for each in runs)
        report.line(f"{'':12}{'seconds':>10}{'packets/s':>12}{'peak MiB':>10}")
        report.line(f"{'bench hops':12}{seconds:>10.2f}{packets / seconds:>12.3g}{peak:>10.0f}")
        result = {
            "comparison": "hops",
            "bytes": size,
            "packets": packets,
            "seed": given.seed,
            "medians": truth,
            "bench": {"seconds": [each[0] for each in runs], "peak_mib": peak},
            "goals": [report.goal(f"≤ {GOAL_MIB} MiB", peak <= GOAL_MIB)],
        }
        if not given.no_tshark:
            took, most = fields_of(names)
            report.line(f"{'tshark':12}{took:>10.2f}{packets / took:>12.3g}{most:>10.0f}")
            report.line(f"tshark/bench hops: {took / seconds:.0f}")
            result["tshark"] = {"seconds": took, "peak_mib": most}
            result["goals"].append(report.goal(f"≥ {GOAL_RATIO} × tshark -T fields", took >= GOAL_RATIO * seconds))
    return report.finish(result)


if __name__ == "__main__":
    run(main)
