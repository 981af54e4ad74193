#!/usr/bin/env python3
"""How long bench-worker takes from being started to listening, and to its end, beside a bare C server and /bin/true.

A server that waits by blocking is started, told to listen on the loopback, and stopped as soon as it says that it does.
/bin/true shows what starting and ending any process costs here.
"""

import json
import os
import random
import secrets
import shutil
import signal
import statistics
import time

from command import INTERNAL, UNAVAILABLE, Failure, Parser, Report, run, whole, worker_path
from contestants import built_pingpong, check, configuration

GOAL_MS = 5


class Spawned:
    """A process started by posix_spawn(3), which costs less than what `subprocess` does, with its life timed."""

    def __init__(self, command):
        self.start = time.monotonic()
        child_input, self._input = os.pipe()
        self._output, child_output = os.pipe()
        # Python's pipes close on exec; dup2 makes inheritable copies.
        actions = [(os.POSIX_SPAWN_DUP2, child_input, 0), (os.POSIX_SPAWN_DUP2, child_output, 1)]
        self.pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
        self._is_reaped = False
        os.close(child_input)
        os.close(child_output)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self._is_reaped:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._input)
        os.close(self._output)

    def write(self, text):
        try:
            os.write(self._input, text)
        except BrokenPipeError:
            raise Failure(INTERNAL, "bench-worker has ended before it was told what to do") from None

    def read_line(self):
        line = b""
        while not line.endswith(b"\n"):
            part = os.read(self._output, 4096)
            if not part:
                raise Failure(INTERNAL, "a server has ended before it listened")
            line += part
        return line

    def wait(self):
        """Seconds from its start to its end."""
        _, status = os.waitpid(self.pid, 0)
        self._is_reaped = True
        taken = time.monotonic() - self.start
        if status != 0:
            raise Failure(INTERNAL, f"a process has failed (exit {os.waitstatus_to_exitcode(status)})")
        return taken


class Worker:
    name = "bench-worker"

    def __init__(self, program):
        message = configuration("server", "udp", "127.0.0.1", 0, secrets.token_hex(7), wait="block")
        self._command = [program]
        self._configure = (json.dumps(message) + "\n").encode()

    def measure(self):
        with Spawned(self._command) as process:
            process.write(self._configure)
            line = process.read_line()
            listening = time.monotonic() - process.start
            check(json.loads(line), "listening", self.name)
            os.kill(process.pid, signal.SIGTERM)
            return listening, process.wait()


class BareC:
    name = "bare C"

    def __init__(self):
        self._command = [built_pingpong(), "server", "-a", "127.0.0.1"]

    def measure(self):
        with Spawned(self._command) as process:
            process.read_line()
            listening = time.monotonic() - process.start
            os.kill(process.pid, signal.SIGTERM)
            return listening, process.wait()


class Nothing:
    name = "true"

    def __init__(self):
        program = shutil.which("true")
        if not program:
            raise Failure(UNAVAILABLE, "there is no 'true' on the PATH: coreutils has one")
        self._command = [program]

    def measure(self):
        with Spawned(self._command) as process:
            return None, process.wait()


def quantile(values, percent):
    """By nearest rank."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]


def main():
    parser = Parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--spawns", type=whole(100, 10000), default=300, metavar="N", help="of each, at least 100")
    parser.add_argument("--seed", type=whole(0, 2**63), default=1, metavar="N", help="of the order")
    parser.add_argument("--worker", metavar="FILE", help="bench-worker; else BENCH_WORKER, or what 'make build' made")
    given = parser.parse_args()
    programs = [Worker(worker_path(given.worker)), BareC(), Nothing()]
    report = Report(given)
    order = random.Random(given.seed)

    times = {program.name: ([], []) for program in programs}
    for program in programs:
        # Once for the page cache; not counted.
        program.measure()
    # The whole takes seconds; one process that hangs must not make it last for ever.
    signal.signal(signal.SIGALRM, _hangs)
    for _ in range(given.spawns):
        for program in order.sample(programs, len(programs)):
            signal.alarm(10)
            listening, ended = program.measure()
            signal.alarm(0)
            times[program.name][1].append(1000 * ended)
            if listening is not None:
                times[program.name][0].append(1000 * listening)

    report.line(f"start-up: {given.spawns} processes each, alternating; ms from the start")
    report.line(f"{'':>14}{'to listening':>24}{'to the end':>24}")
    report.line(f"{'':>14}" + f"{'median':>14}{'p99':>10}" * 2)
    result = {"comparison": "startup", "spawns": given.spawns, "seed": given.seed, "programs": {}}
    for name, parts in times.items():
        cells, entry = "", {}
        for part, values in zip(("listening_ms", "end_ms"), parts, strict=True):
            if values:
                entry[part] = {"median": statistics.median(values), "p99": quantile(values, 99)}
                cells += f"{entry[part]['median']:>14.2f}{entry[part]['p99']:>10.2f}"
            else:
                cells += f"{'–':>14}{'–':>10}"
        report.line(f"{name:>14}{cells}")
        result["programs"][name] = entry
    median = result["programs"]["bench-worker"]["listening_ms"]["median"]
    result["goals"] = [report.goal(f"bench-worker listens within {GOAL_MS} ms (median)", median < GOAL_MS)]
    return report.finish(result)


def _hangs(*_):
    raise Failure(INTERNAL, "a process neither listens nor ends")


if __name__ == "__main__":
    run(main)
