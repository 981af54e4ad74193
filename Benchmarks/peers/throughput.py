#!/usr/bin/env python3
"""Bulk over TCP by bench-worker beside iperf3, on the same path in the same minute.

In each alternation both send once, in random order, on the same CPUs, for the same time after the same warm-up, in
messages of the same size. What counts is the ratio of their throughputs within an alternation, and of those ratios the
median over all alternations.
"""

import json
import math
import random
import secrets
import shutil
import statistics

import paths
from command import INTERNAL, UNAVAILABLE, Failure, Parser, Report, cpu_pair, require_root, run, whole, worker_path
from contestants import configuration, expect, free_port
from processes import Child

GOAL = 0.98

# iperf3 leaves out whole seconds at the start (-O); the worker gets the same warm-up.
WARMUP_SECONDS = 1

# How long anything but warm-up and window may take.
_PATIENCE = 10


def arguments():
    parser = Parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("paths", nargs="*", metavar="PATH", help="native, veth, bridge", default=["veth", "bridge"])
    parser.add_argument("--rounds", type=whole(6, 200), default=9, metavar="N", help="alternations, at least 6")
    parser.add_argument("--seconds", type=whole(1, 30), default=1, metavar="N", help="of each window")
    parser.add_argument("--size", type=whole(1, 65000), default=65000, metavar="BYTES", help="of each message")
    parser.add_argument("--wait", choices=("block", "spin"), default="block", help="how bench waits; iperf3 blocks")
    parser.add_argument("--cpus", type=cpu_pair, default="0,1", metavar="A,B", help="of client and server")
    parser.add_argument("--seed", type=whole(0, 2**63), default=1, metavar="N", help="of the order")
    parser.add_argument("--worker", metavar="FILE", help="bench-worker; else BENCH_WORKER, or what 'make build' made")
    given = parser.parse_args()
    for name in given.paths:
        if name not in paths.NAMES:
            parser.error(f"there is no path '{name}': choose from {', '.join(paths.NAMES)}")
    return given


class Conditions:
    """What is the same for both: the path, the CPUs of client and server, and the work."""

    def __init__(self, path, given):
        self.path = path
        self.client_cpu, self.server_cpu = given.cpus
        self.size = given.size
        self.seconds = given.seconds
        # Only free_port() asks.
        self.transport = "tcp"

    @property
    def patience(self):
        return WARMUP_SECONDS + self.seconds + _PATIENCE


class Bench:
    """bench-worker, driven as bench drives it."""

    name = "bench"

    def __init__(self, worker, wait):
        self._worker = worker
        self._wait = wait

    def measure(self, conditions):
        """Bits per second that the server has had."""
        nonce = secrets.token_hex(7)
        with Child([self._worker], "bench-worker (server)") as server:
            server.write(self._configuration(conditions, nonce, "server", conditions.server_cpu))
            port = expect(server, "listening")["port"]
            with Child([self._worker], "bench-worker (client)") as client:
                client.write(self._configuration(conditions, nonce, "client", conditions.client_cpu, port))
                expect(client, "ready", conditions.patience)
                client.write('{"type":"start"}\n')
                sent = expect(client, "result", conditions.patience)
                client.wait(_PATIENCE)
            # What it says at its end fits into the pipe.
            server.stop(_PATIENCE)
            received = expect(server, "stopped")
        if received["window_bytes"] != sent["sent"] * conditions.size:
            raise Failure(INTERNAL, f"{sent['sent']} messages were sent, {received['window_bytes']} bytes came")
        return 8e9 * received["window_bytes"] / sent["window_ns"]

    def _configuration(self, conditions, nonce, role, cpu, port=0):
        path = conditions.path
        message = configuration(role, "tcp", path.address, port, nonce, self._wait)
        message.update(
            protocol=4,
            loop="stream",
            framing="none",
            size=conditions.size,
            reply_size=conditions.size,
            concurrency=1,
            rate=0,
            cpu=cpu,
            target_address="",
            target_port=0,
            warmup_ns=WARMUP_SECONDS * 1_000_000_000,
            window_ns=conditions.seconds * 1_000_000_000,
            timeout_ns=5_000_000_000,
            counted_operations=0,
            arguments="",
        )
        namespace = path.file(path.client if role == "client" else path.server)
        if namespace:
            message["namespace"] = namespace
        return json.dumps(message) + "\n"


class Iperf3:
    """iperf3 with one connection, as its receiver counts."""

    name = "iperf3"

    def __init__(self):
        if not shutil.which("iperf3"):
            raise Failure(
                UNAVAILABLE,
                "iperf3 is not installed: 'scripts/deps.sh benchmarks' installs it, and so does "
                "'sudo apt-get install iperf3' on Debian and Ubuntu",
            )

    def measure(self, conditions):
        path, port = conditions.path, str(free_port(conditions))
        command = ["iperf3", "--server", "--one-off", "--forceflush", "--bind", path.address, "--port", port]
        command = [*path.inside(path.server), "taskset", "-c", str(conditions.server_cpu), *command]
        with Child(command, "iperf3 server", merge_errors=True) as server:
            while "Server listening" not in (line := server.read_line(_PATIENCE)):
                if "error" in line:
                    raise Failure(INTERNAL, f"iperf3 server: {line}")
            command = ["iperf3", "--client", path.address, "--port", port, "--json", "--length", str(conditions.size)]
            command += ["--time", str(conditions.seconds), "--omit", str(WARMUP_SECONDS)]
            command = [*path.inside(path.client), "taskset", "-c", str(conditions.client_cpu), *command]
            with Child(command, "iperf3") as client:
                output = client.read_all(conditions.patience)
                code = client.wait(_PATIENCE)
            server.wait(_PATIENCE)
        try:
            result = json.loads(output)
        except ValueError:
            result = {"error": output.strip()}
        if code != 0 or "error" in result:
            raise Failure(INTERNAL, f"iperf3 failed (exit {code}): {result.get('error')}")
        return result["end"]["sum_received"]["bits_per_second"]


def interval(values):
    """The median's 95 % interval by the sign test: of the order statistics those two, as far in as they may be.

    It takes 6 values: with fewer, not even the smallest and the largest one enclose the median that often.
    """
    ordered, count = sorted(values), len(values)
    rank, tail = 0, 0.0
    while 2 * (tail := tail + math.comb(count, rank) / 2**count) <= 0.05:
        rank += 1
    return ordered[rank - 1], ordered[-rank]


def compare(name, programs, given, order, report):
    """All alternations on one path."""
    report.line(
        f"{name}: tcp, messages of {given.size} bytes, CPUs {given.cpus[0]} and {given.cpus[1]}, bench in mode "
        f"{given.wait}, {given.rounds} alternations, {WARMUP_SECONDS} s of warm-up and {given.seconds} s of window; "
        "Gbit/s received"
    )
    report.line(f"{'':>6}{'bench':>10}{'iperf3':>10}{'bench/iperf3':>16}")
    rounds, ratios = [], []
    with paths.made(name) as path:
        conditions = Conditions(path, given)
        for number in range(1, given.rounds + 1):
            seen = {program.name: program.measure(conditions) for program in order.sample(programs, len(programs))}
            ratios.append(seen["bench"] / seen["iperf3"])
            report.line(f"{number:>6}{seen['bench'] / 1e9:>10.2f}{seen['iperf3'] / 1e9:>10.2f}{ratios[-1]:>16.3f}")
            # Python keeps the order in which they ran.
            rounds.append({"order": list(seen), "bits_per_second": seen})
    medians = {
        program.name: statistics.median(each["bits_per_second"][program.name] for each in rounds)
        for program in programs
    }
    middle, (low, high) = statistics.median(ratios), interval(ratios)
    report.line(
        f"medians {medians['bench'] / 1e9:.2f} and {medians['iperf3'] / 1e9:.2f} Gbit/s, of which the ratio is "
        f"{medians['bench'] / medians['iperf3']:.3f}; median of the ratios {middle:.3f} (95 %: {low:.3f} … {high:.3f})"
    )
    met = middle >= GOAL
    result = {
        "path": name,
        "alternations": rounds,
        "medians": medians,
        "ratio": {
            "median": middle,
            "low": low,
            "high": high,
            "of_medians": medians["bench"] / medians["iperf3"],
        },
        "goals": [report.goal(f"≥ {GOAL:.2f} × iperf3", met)],
    }
    report.line()
    return result


def main():
    given = arguments()
    require_root()
    programs = [Bench(worker_path(given.worker), given.wait), Iperf3()]
    report = Report(given)
    order = random.Random(given.seed)
    results = [compare(name, programs, given, order, report) for name in dict.fromkeys(given.paths)]
    return report.finish(
        {
            "comparison": "throughput",
            "transport": "tcp",
            "size": given.size,
            "seconds": given.seconds,
            "wait": given.wait,
            "cpus": list(given.cpus),
            "seed": given.seed,
            "paths": results,
        }
    )


if __name__ == "__main__":
    run(main)
