#!/usr/bin/env python3
"""Round trips of bench-worker beside sockperf's and a bare C loop's, on the same path in the same minute.

In each alternation every program measures once, in random order, on the same CPUs, for the same time. What counts is
the ratio of their medians within an alternation, and of those ratios the median over all alternations.
"""

import random
import statistics

import paths
from command import Parser, Report, cpu_pair, require_root, run, whole, worker_path
from contestants import WARMUP_MS, BareC, Bench, Conditions, Sockperf

GOALS = (("sockperf", 1.00), ("bare C", 1.03))


def arguments():
    parser = Parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("paths", nargs="*", metavar="PATH", help="native, veth, bridge", default=["veth", "bridge"])
    parser.add_argument("--alternations", type=whole(5, 200), default=9, metavar="N", help="at least 5")
    parser.add_argument("--seconds", type=whole(1, 30), default=1, metavar="N", help="of each measurement")
    # sockperf's header needs 14 bytes, and a datagram of more than 65 000 does not fit.
    parser.add_argument("--size", type=whole(14, 65000), default=64, metavar="BYTES", help="of each message")
    parser.add_argument("--cpus", type=cpu_pair, default="0,1", metavar="A,B", help="of client and server")
    parser.add_argument("--transport", choices=("udp", "tcp"), default="udp")
    parser.add_argument("--seed", type=whole(0, 2**63), default=1, metavar="N", help="of the order")
    parser.add_argument("--worker", metavar="FILE", help="bench-worker; else BENCH_WORKER, or what 'make build' made")
    given = parser.parse_args()
    for name in given.paths:
        if name not in paths.NAMES:
            parser.error(f"there is no path '{name}': choose from {', '.join(paths.NAMES)}")
    return given


def compare(name, programs, given, order, report):
    """All alternations on one path."""
    report.line(
        f"{name}: {given.transport}, {given.size} bytes, spinning, CPUs {given.cpus[0]} and {given.cpus[1]}, "
        f"{given.alternations} alternations, {WARMUP_MS} ms of warm-up; p50 of the full round trip in µs"
    )
    names = [program.name for program in programs]
    ratios = {peer: [] for peer, _ in GOALS}
    heads = "".join(f"{title:>10}" for title in names) + "".join(f"{f'bench/{peer}':>16}" for peer in ratios)
    report.line(f"{'':>6}{heads}")
    rounds = []
    with paths.made(name) as path:
        conditions = Conditions(path, given.cpus, given.size, given.seconds, given.transport)
        for number in range(1, given.alternations + 1):
            seen = {program.name: program.measure(conditions) for program in order.sample(programs, len(programs))}
            for peer, values in ratios.items():
                values.append(seen["bench"]["p50"] / seen[peer]["p50"])
            cells = "".join(f"{seen[title]['p50'] / 1000:>10.3f}" for title in names)
            report.line(f"{number:>6}{cells}" + "".join(f"{values[-1]:>16.3f}" for values in ratios.values()))
            # Python keeps the order in which they ran.
            rounds.append({"order": list(seen), "programs": seen})
    result = {"path": name, "alternations": rounds, "ratios": {}, "goals": []}
    for peer, values in ratios.items():
        middle, least, most = statistics.median(values), min(values), max(values)
        report.line(f"bench/{peer}: median {middle:.3f} ({least:.3f} … {most:.3f})")
        result["ratios"][peer] = {"median": middle, "min": least, "max": most}
    for peer, most in GOALS:
        met = result["ratios"][peer]["median"] <= most
        result["goals"].append(report.goal(f"≤ {most:.2f} × {peer}", met))
    report.line()
    return result


def main():
    given = arguments()
    require_root()
    programs = [Bench(worker_path(given.worker)), Sockperf(), BareC()]
    report = Report(given)
    order = random.Random(given.seed)
    results = [compare(name, programs, given, order, report) for name in dict.fromkeys(given.paths)]
    return report.finish(
        {
            "comparison": "latency",
            "transport": given.transport,
            "size": given.size,
            "seconds": given.seconds,
            "cpus": list(given.cpus),
            "seed": given.seed,
            "paths": results,
        }
    )


if __name__ == "__main__":
    run(main)
