#!/usr/bin/env python3
"""Real nights, end to end, on the host that this runs on: does the nightly job raise no false alarm, and find what is there?

A short suite is measured again and again with `bench nightly` and a store of its own:

1. A/A nights: each with a worker that is another file (a byte more at its end) and the same program, so that tonight's is
   really held against the pinned one. None may fail.
2. A night with a worker that makes every round trip 10 % longer. It has to fail (exit 1), naming series.
3. A night on what looks like another host (the hostname differs, in a UTS namespace of its own). It has to open a new
   epoch, exit 0, and say so.

With --kill, instead: a night is killed (SIGKILL) in each of its phases. The store has to be whole, the night must not count,
and the next start has to go on with it and end well, with nothing left on the host.

With --history, instead: so many nights with one worker, the pinned one, so that nothing but the host's mood moves. From
the 21st of an epoch on they are screened. None may fail.

Prints a Markdown table. Takes root, and a quiet host: minutes in which nothing else runs.
"""

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

SUITE = """\
schema: bench.suite/1
name: short
title: A short night, end to end
budget: 20min
runs:
  - scenario: network-hop
    environments: [native, netns, veth, bridge]
    workloads: [udp-rr-spin]
    blocks: {blocks}
    window: 150ms
    warmup: 20ms
"""


def command(arguments, path, *more):
    suite = os.path.join(arguments.folder, "short.yaml")
    return [arguments.bench, "nightly", "--suite", suite, "--json", path, "--report", arguments.folder, *more]


def variables(arguments, worker):
    return dict(
        os.environ, BENCH_WORKER=worker, BENCH_STORE=os.path.join(arguments.folder, "store.sqlite"),
        BENCH_JOURNAL=os.path.join(arguments.folder, "journal"))


def night(arguments, worker, prefix=()):
    """Runs one night; returns its exit code and its result, None where it has none."""
    path = os.path.join(arguments.folder, "night.json")
    if os.path.exists(path):
        os.remove(path)
    ended = subprocess.run(
        [*prefix, *command(arguments, path, "--quiet")], env=variables(arguments, worker), capture_output=True,
        text=True, timeout=1800)
    if ended.stderr.strip():
        print(ended.stderr.strip(), file=sys.stderr)
    if not os.path.exists(path):
        return ended.returncode, None
    with open(path) as file:
        return ended.returncode, json.load(file)


def tell(name, code, result, rows):
    if result is None:
        rows.append((name, code, "no result", "", "", ""))
    else:
        tested = result["self_test"]
        seen = f"{tested['ratio']['estimate']:.3f}" if tested.get("ratio") else "none"
        ratios = [c["ratio"]["estimate"] for c in result["confirmations"] if c.get("ratio")]
        spread = f"{min(ratios):.3f} … {max(ratios):.3f}" if ratios else "none"
        rows.append((name, code, result["verdict"], seen, spread, result["reason"]))
    print("| " + " | ".join(str(cell) for cell in rows[-1]) + " |", flush=True)


def another_worker(arguments, number):
    """The same program in another file: bytes behind the end of an ELF file are nobody's."""
    path = os.path.join(arguments.folder, "worker")
    shutil.copy(arguments.worker, path)
    with open(path, "ab") as file:
        file.write(bytes([number]))
    return path


def stored(arguments):
    """Whether the store is whole, and how many nights are finished."""
    with sqlite3.connect(os.path.join(arguments.folder, "store.sqlite")) as store:
        whole = store.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return whole, store.execute("SELECT count(*) FROM nights WHERE phase = 'finished'").fetchone()[0]


def kills(arguments):
    failures = []
    # Something to be held against.
    night(arguments, another_worker(arguments, 100))
    print("| killed while | store whole | counted | next start | exit |")
    print("|---|---|---|---|--:|")
    phases = [("measuring", "Measuring "), ("testing the detector", "Testing "), ("confirming", "Holding ")]
    for number, (name, beginning) in enumerate(phases, 101):
        worker = another_worker(arguments, number)
        _, before = stored(arguments)
        path = os.path.join(arguments.folder, "night.json")
        started = subprocess.Popen(
            command(arguments, path), env=variables(arguments, worker), stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        is_there = False
        for line in started.stderr:
            is_there = is_there or line.startswith(beginning)
            if is_there and line.startswith("block 2 "):
                break
        os.kill(started.pid, signal.SIGKILL)
        started.wait()
        started.stderr.close()
        whole, counted = stored(arguments)
        ended = subprocess.run(
            command(arguments, path), env=variables(arguments, worker), capture_output=True, text=True, timeout=1800)
        goes_on = "Going on with night" in ended.stderr
        after_whole, after = stored(arguments)
        left = os.listdir(os.path.join(arguments.folder, "journal"))
        print(
            f"| {name} | {'yes' if whole and after_whole else 'NO'} | {counted - before} | "
            f"{'goes on' if goes_on else 'starts anew'} | {ended.returncode} |", flush=True)
        if not is_there:
            failures.append(f"{name}: the phase was never reached")
        if not whole or not after_whole or counted != before or after != before + 1 or left:
            failures.append(f"{name}: counted {before} → {counted} → {after}, left in the journal: {left}")
        if not goes_on or ended.returncode not in (0, 3):
            failures.append(f"{name}: the next start ended with {ended.returncode}: {ended.stderr[-500:]}")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", default=".build/release/bench")
    parser.add_argument("--worker", default=".build/release/bench-worker")
    parser.add_argument("--nights", type=int, default=10, help="A/A nights (default: 10)")
    parser.add_argument("--blocks", type=int, default=12, help="blocks of the suite (default: 12)")
    parser.add_argument("--kill", action="store_true", help="kill nights in each of their phases, instead")
    parser.add_argument("--history", type=int, help="so many nights with one worker, instead")
    parser.add_argument("--keep", help="keep store and workers in this folder")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("nights.py: this takes root: network namespaces are made")
    arguments.bench = os.path.abspath(arguments.bench)
    arguments.folder = os.path.abspath(arguments.keep) if arguments.keep else tempfile.mkdtemp(prefix="bench-nights-")
    os.makedirs(arguments.folder, exist_ok=True)
    try:
        return trial(arguments)
    finally:
        if not arguments.keep:
            shutil.rmtree(arguments.folder)


def trial(arguments):
    with open(os.path.join(arguments.folder, "short.yaml"), "w") as file:
        file.write(SUITE.format(blocks=arguments.blocks))
    failures = kills(arguments) if arguments.kill else history(arguments) if arguments.history else nights(arguments)
    for failure in failures:
        print(f"nights.py: {failure}", file=sys.stderr)
    return 1 if failures else 0


def history(arguments):
    failures = []
    pinned = shutil.copy(arguments.worker, os.path.join(arguments.folder, "pinned-worker"))
    print("| night | exit | verdict | of the epoch before | screened | flagged | what all did alike |")
    print("|---|--:|---|--:|--:|--:|--:|")
    for number in range(1, arguments.history + 1):
        code, result = night(arguments, pinned)
        if result is None:
            print(f"| {number} | {code} | no result | | | | |", flush=True)
        else:
            screening = result["screening"]
            common = f"{screening['common']:.4f}" if screening.get("common") else "none"
            print(
                f"| {number} | {code} | {result['verdict']} | {screening['nights']} | {screening['screened']} | "
                f"{screening['flagged']} | {common} |", flush=True)
        if code not in (0, 3):
            failures.append(f"night {number} with one worker ended with {code}")
    return failures


def nights(arguments):
    rows = []
    failures = []
    print("| night | exit | verdict | self-test saw | today ÷ pinned | why |")
    print("|---|--:|---|--:|---|---|")

    for number in range(1, arguments.nights + 1):
        worker = another_worker(arguments, number)
        code, result = night(arguments, worker)
        tell(f"A/A {number}", code, result, rows)
        if code not in (0, 3):
            failures.append(f"A/A night {number} ended with {code}")

    slow = os.path.join(arguments.folder, "slow-worker")
    with open(slow, "w") as file:
        file.write(f"#!/bin/sh\nexec {os.path.abspath(arguments.worker)} --slow-down 100000\n")
    os.chmod(slow, 0o755)
    code, result = night(arguments, slow)
    tell("worker slower by 10 %", code, result, rows)
    if code != 1 or not any(c["is_worse"] for c in result["confirmations"]):
        failures.append(f"the slow worker's night ended with {code}")

    # The host's own network stays: only the name is another.
    prefix = ("unshare", "--uts", "sh", "-c", 'hostname another-host && exec "$@"', "sh")
    code, result = night(arguments, worker, prefix)
    tell("another host", code, result, rows)
    if code != 0 or not result["epoch"]["is_new"]:
        failures.append(f"the night of another fingerprint ended with {code}")
    return failures


if __name__ == "__main__":
    sys.exit(main())
