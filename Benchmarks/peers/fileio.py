#!/usr/bin/env python3
"""Reads and writes of one file by bench-worker beside fio, on the same file in the same minute.

In each alternation both work once, in random order, on the same CPU and the same file, with the same block size,
engine, depth and policy of syncing, for the same time. What counts are the ratios of their operations a second and of
their median latencies within an alternation, and of those ratios the medians over all alternations.

Latency is fio's `lat`: from before an operation is handed to the kernel until its end is seen, as bench has it. fio's
`clat` begins later, with io_uring after the call that hands over, which may do all of the work. fio keeps a histogram
of 64 steps for each doubling: its median is known to 0.8 %; bench's is that of the samples. Where each write is synced,
the latency is that of fsync(2), in which the time goes: a write into the page cache takes a µs or two, of which fio's
own bookkeeping within `lat` is a part.
"""

import array
import json
import os
import random
import shutil
import statistics
import sys
import tempfile

from command import INTERNAL, UNAVAILABLE, Failure, Parser, Report, run, whole, worker_path
from contestants import expect
from processes import Child
from throughput import interval

GOAL_OPERATIONS = 0.98
GOAL_LATENCY = 0.03

# How long anything but the window may take: on a slow disk, writing what is dirty.
_PATIENCE = 60

# Written in order before anything is measured, so that every block is there.
_PIECE = 1 << 20


class Case:
    """What both do."""

    def __init__(self, name, access, size, engine, depth=1, is_sequential=False, is_direct=True, sync_every=0):
        self.name = name
        self.access = access
        self.size = size
        self.engine = engine
        self.depth = depth
        self.is_sequential = is_sequential
        self.is_direct = is_direct
        self.sync_every = sync_every

    @property
    def timed(self):
        """What the median is of."""
        return "sync" if self.sync_every == 1 else "io"


CASES = [
    Case("randread-4k-psync-direct", "read", 4096, "psync"),
    Case("randwrite-4k-psync-direct", "write", 4096, "psync"),
    Case("randwrite-4k-psync-fsync", "write", 4096, "psync", is_direct=False, sync_every=1),
    Case("seqwrite-1m-psync-direct", "write", 1 << 20, "psync", is_sequential=True),
    Case("randread-4k-uring-16-direct", "read", 4096, "io_uring", depth=16),
    Case("randwrite-4k-uring-16-direct", "write", 4096, "io_uring", depth=16),
]


def arguments():
    parser = Parser(__doc__.split("\n", maxsplit=1)[0])
    names = [case.name for case in CASES]
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(names), default=names)
    parser.add_argument("--rounds", type=whole(6, 200), default=9, metavar="N", help="alternations, at least 6")
    parser.add_argument("--seconds", type=whole(1, 60), default=1, metavar="N", help="of each window; fio's are whole")
    parser.add_argument("--mib", type=whole(1, 65536), default=64, metavar="N", help="of the file")
    parser.add_argument("--cpu", type=whole(0, 4095), default=max(os.sched_getaffinity(0)), metavar="N", help="of both")
    parser.add_argument("--directory", default="/var/tmp", metavar="DIR", help="where a folder is made, and removed")
    parser.add_argument("--seed", type=whole(0, 2**63), default=1, metavar="N", help="of the order and bench's places")
    parser.add_argument("--worker", metavar="FILE", help="bench-worker; else BENCH_WORKER, or what 'make build' made")
    given = parser.parse_args()
    for name in given.cases:
        if name not in names:
            parser.error(f"there is no case '{name}': choose from {', '.join(names)}")
    if given.cpu not in os.sched_getaffinity(0):
        parser.error(f"CPU {given.cpu} is not among those to be had here: {sorted(os.sched_getaffinity(0))}")
    return given


class File:
    """The file that both work on, where the worker looks for it (Sources/WorkerProtocol, FileLayout)."""

    def __init__(self, folder, mib):
        self.folder = folder
        self.size = mib << 20
        self.path = os.path.join(folder, "io", "000000")
        os.mkdir(os.path.dirname(self.path))
        with open(self.path, "wb") as file:
            for _ in range(self.size // _PIECE):
                file.write(os.urandom(_PIECE))
            file.flush()
            os.fsync(file.fileno())

    def settle(self):
        """Nothing that one has left to be written is the other's to wait for."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Bench:
    """bench-worker, driven as bench drives it."""

    name = "bench"

    def __init__(self, worker, seed):
        self._worker = worker
        self._seeds = random.Random(seed)

    def measure(self, case, file, given):
        """Operations a second, and the median of their latencies in ns."""
        message = {
            "protocol": 4,
            "type": "configure-storage",
            "loop": "io",
            "cpu": given.cpu,
            "directory": file.folder,
            "count": 1,
            "size": file.size,
            "block_size": case.size,
            "engine": case.engine,
            "access": case.access,
            "sequential": case.is_sequential,
            "direct": case.is_direct,
            "depth": case.depth,
            "sync_every": case.sync_every,
            "cache": "warm",
            # fio's ramp_time is 0, too.
            "warmup_ns": 0,
            "window_ns": given.seconds * 1_000_000_000,
            "seed": f"{self._seeds.getrandbits(64):x}",
        }
        with Child([self._worker], "bench-worker") as worker:
            worker.write(json.dumps(message) + "\n")
            expect(worker, "ready", _PATIENCE)
            worker.write('{"type":"start"}\n')
            result = expect(worker, "measured", given.seconds + _PATIENCE)
            phases = {}
            for phase in result["phases"].split("\0"):
                name, count = phase.split("=")
                phases[name] = array.array("Q")
                phases[name].frombytes(worker.read_bytes(8 * int(count), _PATIENCE))
            worker.wait(_PATIENCE)
        samples = phases[case.timed]
        if sys.byteorder == "big":
            samples.byteswap()
        if not samples or result["truncated"]:
            why = "room for no more" if result["truncated"] else "no operation"
            raise Failure(INTERNAL, f"bench-worker had {why} in the window: {len(samples)} samples")
        # By nearest rank: the sample of rank ⌈count ÷ 2⌉.
        p50 = sorted(samples)[(len(samples) + 1) // 2 - 1]
        return {"iops": 1e9 * result["operations"] / result["window_ns"], "p50": p50}


class Fio:
    """fio with one job, told nothing that is not needed for the same work."""

    name = "fio"

    def __init__(self):
        if not shutil.which("fio"):
            raise Failure(
                UNAVAILABLE,
                "fio is not installed: 'scripts/deps.sh benchmarks' installs it, and so does "
                "'sudo apt-get install fio' on Debian and Ubuntu",
            )

    def measure(self, case, file, given):
        """Operations a second, and the median of their latencies in ns."""
        command = [
            "fio",
            "--name=peer",
            f"--filename={file.path}",
            f"--size={file.size}",
            f"--bs={case.size}",
            f"--rw={'' if case.is_sequential else 'rand'}{case.access}",
            f"--ioengine={case.engine}",
            f"--iodepth={case.depth}",
            f"--direct={int(case.is_direct)}",
            f"--fsync={case.sync_every}",
            f"--cpus_allowed={given.cpu}",
            "--time_based",
            f"--runtime={given.seconds}",
            "--ramp_time=0",
            "--clocksource=clock_gettime",
            "--norandommap",
            "--randrepeat=0",
            # Else it changes some words of each buffer before it is written, within `lat`.
            "--scramble_buffers=0",
            # Else the page cache is emptied of the file first.
            "--invalidate=0",
            "--lat_percentiles=1",
            "--clat_percentiles=0",
            "--percentile_list=50",
            "--output-format=json",
        ]
        with Child(command, "fio", merge_errors=True) as fio:
            output = fio.read_all(given.seconds + _PATIENCE)
            code = fio.wait(_PATIENCE)
        try:
            # Notes come before the JSON.
            job = json.loads(output[output.index("{") :])["jobs"][0]
        except ValueError:
            job = {"error": 1}
        if code != 0 or job["error"] != 0:
            raise Failure(INTERNAL, f"fio failed (exit {code}):\n{output.strip()}")
        timed = job["sync"] if case.timed == "sync" else job[case.access]
        return {"iops": job[case.access]["iops"], "p50": timed["lat_ns"]["percentile"]["50.000000"]}


def compare(case, programs, file, given, order, report):
    """All alternations of one case."""
    report.line(f"{case.name}: {given.rounds} alternations of {given.seconds} s, CPU {given.cpu}; p50 of {case.timed}")
    report.line(f"{'':>6}{'operations a second':>34}{'p50 in µs':>34}")
    report.line(f"{'':>6}" + f"{'bench':>12}{'fio':>12}{'ratio':>10}" * 2)
    rounds = []
    for number in range(1, given.rounds + 1):
        seen = {}
        for program in order.sample(programs, len(programs)):
            file.settle()
            seen[program.name] = program.measure(case, file, given)
        bench, fio = seen["bench"], seen["fio"]
        report.line(
            f"{number:>6}{bench['iops']:>12.0f}{fio['iops']:>12.0f}{bench['iops'] / fio['iops']:>10.3f}"
            f"{bench['p50'] / 1000:>12.2f}{fio['p50'] / 1000:>12.2f}{bench['p50'] / fio['p50']:>10.3f}"
        )
        # Python keeps the order in which they ran.
        rounds.append({"order": list(seen), "seen": seen})
    ratios = {}
    for what, words in (("iops", "operations a second"), ("p50", "p50")):
        pairs = [(each["seen"]["bench"][what], each["seen"]["fio"][what]) for each in rounds]
        within = [bench / fio for bench, fio in pairs]
        low, high = interval(within)
        ratios[what] = {
            "median": statistics.median(within),
            "low": low,
            "high": high,
            "of_medians": statistics.median(bench for bench, _ in pairs) / statistics.median(fio for _, fio in pairs),
        }
        report.line(
            f"{words}: median of the ratios {ratios[what]['median']:.3f} (95 %: {low:.3f} … {high:.3f}), "
            f"ratio of the medians {ratios[what]['of_medians']:.3f}"
        )
    goals = [
        report.goal(f"operations ≥ {GOAL_OPERATIONS:.2f} × fio", ratios["iops"]["median"] >= GOAL_OPERATIONS),
        report.goal(f"p50 within {GOAL_LATENCY:.0%} of fio", abs(ratios["p50"]["median"] - 1) <= GOAL_LATENCY),
    ]
    report.line()
    return {"case": case.name, "alternations": rounds, "ratios": ratios, "goals": goals}


def main():
    given = arguments()
    programs = [Bench(worker_path(given.worker), given.seed), Fio()]
    report = Report(given)
    order = random.Random(given.seed)
    try:
        with tempfile.TemporaryDirectory(prefix=f"bench-peer-{os.getpid()}-", dir=given.directory) as folder:
            file = File(folder, given.mib)
            wanted = dict.fromkeys(given.cases)
            results = [
                compare(case, programs, file, given, order, report) for case in CASES if case.name in wanted
            ]
    except OSError as error:
        raise Failure(UNAVAILABLE, f"{given.directory}: {error.strerror}") from error
    return report.finish(
        {
            "comparison": "fileio",
            "mib": given.mib,
            "seconds": given.seconds,
            "cpu": given.cpu,
            "directory": given.directory,
            "seed": given.seed,
            "cases": results,
        }
    )


if __name__ == "__main__":
    run(main)
