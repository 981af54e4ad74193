#!/usr/bin/env python3
"""Set-up and teardown of the bridge environment: bench beside the `ip` commands that make the same.

Three namespaces (client, server, switch), two veth pairs, a bridge, addresses, everything up; then all of it removed.
One stopwatch times all: a line goes to a process that is there already, and "up" and "down" come back. For `ip` that
process is a shell, which runs a command for each step, or the fewest that `ip -batch` needs. What bench alone does is
counted against it: it keeps a journal of what it makes, switches IPv6 off in the namespaces, and waits until the links
pass packets.
"""

import contextlib
import os
import random
import statistics
import time

from command import ROOT, UNAVAILABLE, Failure, Parser, Report, require_file, require_root, run, whole
from paths import remove_abandoned
from processes import Child, call

GOAL = 5

_COMMANDS = """
ip netns add $client
ip netns add $server
ip netns add $switch
ip -n $client link set lo up
ip -n $server link set lo up
ip -n $switch link set lo up
ip -n $switch link add bridge0 type bridge
ip -n $switch link set bridge0 up
ip -n $switch link add port-client type veth peer name client0 netns $client
ip -n $switch link add port-server type veth peer name server0 netns $server
ip -n $switch link set port-client master bridge0 up
ip -n $switch link set port-server master bridge0 up
ip -n $client address add 198.18.0.1/30 dev client0
ip -n $client link set client0 up
ip -n $server address add 198.18.0.2/30 dev server0
ip -n $server link set server0 up
"""

_REMOVAL = """
ip netns delete $switch
ip netns delete $server
ip netns delete $client
"""

# In batches: namespaces first, then everything inside each of them.
_BATCHES = """
ip -batch - <<END
netns add $client
netns add $server
netns add $switch
END
ip -n $switch -batch - <<END
link set lo up
link add bridge0 type bridge
link set bridge0 up
link add port-client type veth peer name client0 netns $client
link add port-server type veth peer name server0 netns $server
link set port-client master bridge0 up
link set port-server master bridge0 up
END
ip -n $client -batch - <<END
link set lo up
address add 198.18.0.1/30 dev client0
link set client0 up
END
ip -n $server -batch - <<END
link set lo up
address add 198.18.0.2/30 dev server0
link set server0 up
END
"""

_BATCHED_REMOVAL = """
ip -batch - <<END
netns delete $switch
netns delete $server
netns delete $client
END
"""


def script(setup, removal):
    """A shell that makes and removes everything for each line that it reads."""
    prefix = f"bench-peer-{os.getpid()}"
    return (
        f"set -e\nclient={prefix}-client server={prefix}-server switch={prefix}-switch\n"
        f"while read -r _; do\n{setup}\necho up\n{removal}\necho down\ndone\n"
    )


class Round:
    """How long one set-up and one teardown took, in seconds."""

    def __init__(self, process):
        start = time.monotonic()
        process.write("\n")
        self._expect(process, "up")
        up = time.monotonic()
        self._expect(process, "down")
        down = time.monotonic()
        self.setup, self.teardown, self.total = up - start, down - up, down - start

    @staticmethod
    def _expect(process, word):
        line = process.read_line(30)
        if line != word:
            raise Failure(UNAVAILABLE, f"{process.name}: {line}")


@contextlib.contextmanager
def contestants(program):
    """The processes, waiting; whatever they may have left is removed at the end."""
    with contextlib.ExitStack() as stack:
        stack.callback(call, [program, "--sweep"], check=False)
        for role in ("client", "server", "switch"):
            name = f"bench-peer-{os.getpid()}-{role}"
            stack.callback(call, ["ip", "netns", "delete", name], check=False)
        processes = {
            "bench": Child([program, "bridge"], "bench"),
            "ip": Child(["sh", "-c", script(_COMMANDS, _REMOVAL)], "ip"),
            "ip -batch": Child(["sh", "-c", script(_BATCHES, _BATCHED_REMOVAL)], "ip -batch"),
        }
        for process in processes.values():
            stack.enter_context(process)
            stack.callback(_end, process)
        yield processes


def _end(process):
    """Lets a process finish its round; one that does not is killed, and what it left is removed."""
    process.close_input()
    with contextlib.suppress(Failure):
        process.wait(5)


def arguments():
    parser = Parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--alternations", type=whole(20, 1000), default=30, metavar="N", help="at least 20")
    parser.add_argument(
        "--pause",
        type=whole(0, 1000),
        default=100,
        metavar="MS",
        help="after each teardown, in which the kernel ends namespaces whose names are gone",
    )
    parser.add_argument("--seed", type=whole(0, 2**63), default=1, metavar="N", help="of the order")
    parser.add_argument(
        "--program",
        metavar="FILE",
        help="bench-topology; else what Benchmarks/run.sh made",
        default=os.path.join(ROOT, "Benchmarks", ".build", "release", "bench-topology"),
    )
    return parser.parse_args()


def main():
    given = arguments()
    require_root()
    program = require_file(os.path.abspath(given.program), "'Benchmarks/run.sh peers topology' makes it")
    remove_abandoned()
    report = Report(given)
    order = random.Random(given.seed)
    report.line(f"topology: the bridge environment made and removed, {given.alternations} alternations; medians in ms")
    rounds = []
    with contestants(program) as processes:
        for process in processes.values():
            # Once for the page cache and the kernel's modules; not counted.
            Round(process)
        for _ in range(given.alternations):
            seen = {}
            for name in order.sample(list(processes), len(processes)):
                time.sleep(given.pause / 1000)
                seen[name] = Round(processes[name])
            rounds.append(seen)
    result = {"comparison": "topology", "alternations": given.alternations, "seed": given.seed, "programs": {}}
    report.line(f"{'':>12}{'set-up':>10}{'teardown':>10}{'both':>10}{'ratio of both to bench':>36}")
    ratios = {}
    for name in processes:
        medians = {
            part: 1000 * statistics.median(getattr(seen[name], part) for seen in rounds)
            for part in ("setup", "teardown", "total")
        }
        ratios[name] = [seen[name].total / seen["bench"].total for seen in rounds]
        middle, least, most = statistics.median(ratios[name]), min(ratios[name]), max(ratios[name])
        ratio = "" if name == "bench" else f"median {middle:.2f} ({least:.2f} … {most:.2f})"
        report.line(
            f"{name:>12}{medians['setup']:>10.2f}{medians['teardown']:>10.2f}{medians['total']:>10.2f}{ratio:>36}"
        )
        result["programs"][name] = {
            "setup_ms": medians["setup"],
            "teardown_ms": medians["teardown"],
            "total_ms": medians["total"],
            "ratio_to_bench": {"median": middle, "min": least, "max": most},
            "totals_ms": [1000 * seen[name].total for seen in rounds],
        }
    met = statistics.median(ratios["ip"]) >= GOAL
    result["goals"] = [report.goal(f"≥ {GOAL} × faster than ip, one command each", met)]
    return report.finish(result)


if __name__ == "__main__":
    run(main)
