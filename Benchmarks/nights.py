#!/usr/bin/env python3
"""Real nights, end to end, on the host that this runs on: does the nightly job raise no false alarm, and find what is there?

A short suite is measured again and again with `bench nightly` and a store of its own:

1. A/A nights: each with a worker that is another file (a byte more at its end) and the same program, so that tonight's is
   really held against the pinned one. None may fail.
2. A night with a worker that makes every round trip 10 % longer. It has to fail (exit 1), naming series.
3. A night on what looks like another host (the hostname differs, in a UTS namespace of its own). It has to open a new
   epoch, exit 0, and say so.

Prints a Markdown table. Takes root, and a quiet host: minutes in which nothing else runs.
"""

import argparse
import json
import os
import shutil
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
    environments: [native, netns, veth]
    workloads: [udp-rr-spin, tcp-rr-block]
    blocks: {blocks}
    window: 150ms
    warmup: 20ms
"""


def night(arguments, worker, prefix=(), extra=()):
    """Runs one night; returns its exit code and its result, nil where it has none."""
    path = os.path.join(arguments.folder, "night.json")
    if os.path.exists(path):
        os.remove(path)
    command = [
        *prefix, arguments.bench, "nightly", "--suite", os.path.join(arguments.folder, "short.yaml"), "--json", path,
        "--no-report", "--quiet", *extra,
    ]
    environment = dict(os.environ)
    environment.update(
        BENCH_WORKER=worker, BENCH_STORE=os.path.join(arguments.folder, "store.sqlite"),
        BENCH_JOURNAL=os.path.join(arguments.folder, "journal"))
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", default=".build/release/bench")
    parser.add_argument("--worker", default=".build/release/bench-worker")
    parser.add_argument("--nights", type=int, default=10, help="A/A nights (default: 10)")
    parser.add_argument("--blocks", type=int, default=12, help="blocks of the suite (default: 12)")
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
    rows = []
    failures = []
    worker = os.path.join(arguments.folder, "worker")
    print("| night | exit | verdict | self-test saw | today ÷ pinned | why |")
    print("|---|--:|---|--:|---|---|")

    for number in range(1, arguments.nights + 1):
        shutil.copy(arguments.worker, worker)
        # Bytes behind the end of an ELF file are nobody's: another file, the same program.
        with open(worker, "ab") as file:
            file.write(bytes([number]))
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

    for failure in failures:
        print(f"nights.py: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
