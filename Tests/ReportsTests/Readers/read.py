#!/usr/bin/env python3
"""Reads an export as other programs do, and prints what it found as JSON.

  read.py openmetrics FILE     by prometheus_client's parser of OpenMetrics
  read.py prometheus FILE      by its parser of the Prometheus text format, that node_exporter's collector reads
  read.py benchmarks FILE      by the grammar of golang.org/design/14313-benchmark-format, and what benchfmt adds to it
  read.py hyperfine FILE       by the keys of BenchmarkResult in hyperfine 1.x, of which its scripts/ (plot_whisker,
                               plot_histogram, plot_progression, welch_ttest, advanced_statistics) read some
  read.py otava CONFIG TEST    by Apache Otava's own importer and analysis, as its command line calls them

With several files it prints one line each. Whatever is malformed ends it with 1 and a message.
"""

import json
import math
import re
import sys
import unicodedata
from datetime import datetime, timezone


def metrics(families):
    return [
        {
            "name": family.name,
            "type": family.type,
            "unit": family.unit,
            "help": family.documentation,
            "samples": [
                {"name": s.name, "labels": s.labels, "value": s.value, "stamped": s.timestamp is not None}
                for s in family.samples
            ],
        }
        for family in families
    ]


def openmetrics(path):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    with open(path, encoding="utf-8", newline="") as file:
        return metrics(text_string_to_metric_families(file.read()))


def prometheus(path):
    from prometheus_client.parser import text_string_to_metric_families

    with open(path, encoding="utf-8", newline="") as file:
        return metrics(text_string_to_metric_families(file.read()))


def go_float(text):
    # What strconv.ParseFloat takes of what is written here; no underscores, no hexadecimal.
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text):
        raise SystemExit(f"no number: {text!r}")
    return float(text)


def benchmarks(path):
    config, results, units = {}, [], {}
    with open(path, "rb") as file:
        lines = file.read().decode("utf-8").split("\n")
    if lines.pop() != "":
        raise SystemExit("the last line does not end")
    for number, line in enumerate(lines, 1):
        # str.split() parts at the spaces of unicode.IsSpace, and at U+001C to U+001F beside them.
        fields = line.split()
        if line.startswith("Benchmark"):
            if len(fields) < 4 or len(fields) % 2 != 0:
                raise SystemExit(f"line {number}: {len(fields)} fields")
            name = fields[0][len("Benchmark"):]
            if not name or unicodedata.category(name[0]) != "Lu":
                raise SystemExit(f"line {number}: the name begins with {name[:1]!r}")
            procs = re.search(r"-(\d+)$", name)
            base = name[: procs.start()] if procs else name
            keys = dict(part.split("=", 1) for part in base.split("/")[1:])
            values = {}
            for value, unit in zip(fields[2::2], fields[3::2]):
                if unit in values:
                    raise SystemExit(f"line {number}: {unit} twice")
                values[unit] = go_float(value)
            results.append(
                {
                    "name": base.split("/")[0],
                    "full": base,
                    "procs": int(procs.group(1)) if procs else None,
                    "keys": keys,
                    "iterations": int(fields[1]),
                    "values": values,
                    "config": dict(config),
                }
            )
        elif fields[:1] == ["Unit"]:
            metadata = units.setdefault(fields[1], {})
            for pair in fields[2:]:
                key, value = pair.split("=", 1)
                if metadata.setdefault(key, value) != value:
                    raise SystemExit(f"line {number}: {key} of {fields[1]} is already {metadata[key]}")
        elif line and unicodedata.category(line[0]) == "Ll":
            # A configuration line, if it has a key.
            key = re.match(r"[^\s:]+(?=:)", line)
            if not key or any(unicodedata.category(c) == "Lu" for c in key.group()):
                raise SystemExit(f"line {number}: neither a configuration nor a comment")
            config[key.group()] = line[key.end() + 1:].strip(" \t")
        elif line and not line.startswith("#"):
            raise SystemExit(f"line {number}: would be ignored: {line!r}")
    return {"results": results, "units": units}


def hyperfine(path):
    with open(path, encoding="utf-8") as file:
        results = json.load(file)["results"]
    for result in results:
        times = result["times"]
        if not times or not all(isinstance(t, (int, float)) and math.isfinite(t) for t in times):
            raise SystemExit(f"times of {result['command']}: {times}")
        for key in ("mean", "median", "min", "max"):
            if not isinstance(result[key], (int, float)):
                raise SystemExit(f"{key} of {result['command']}: {result[key]!r}")
        if result["stddev"] is not None and not isinstance(result["stddev"], (int, float)):
            raise SystemExit(f"stddev of {result['command']}: {result['stddev']!r}")
        if len(result["exit_codes"]) != len(times):
            raise SystemExit(f"exit codes of {result['command']}")
        if not all(isinstance(value, str) for value in result["parameters"].values()):
            raise SystemExit(f"parameters of {result['command']}")
    return results


def otava(path, test):
    from otava.config import load_config_from_file
    from otava.data_selector import DataSelector
    from otava.importer import Importers
    from otava.series import AnalysisOptions

    config = load_config_from_file(path)
    found = config.tests[test]
    selector = DataSelector()
    # By itself it takes the year before now.
    selector.since_time = datetime.fromtimestamp(0, timezone.utc)
    selector.until_time = datetime(2100, 1, 1, tzinfo=timezone.utc)
    series = Importers(config).get(found).fetch_data(found, selector)
    changes = series.analyze(AnalysisOptions()).change_points
    return {
        "tests": list(config.tests),
        "time": series.time,
        "data": series.data,
        "attributes": series.attributes,
        "changes": {name: [int(point.index) for point in points] for name, points in changes.items()},
        "directions": {name: metric.direction for name, metric in series.metrics.items()},
    }


if __name__ == "__main__":
    name, arguments = sys.argv[1], sys.argv[2:]
    if name == "otava":
        print(json.dumps(otava(*arguments)))
    else:
        read = {f.__name__: f for f in (openmetrics, prometheus, benchmarks, hyperfine)}[name]
        for path in arguments:
            print(json.dumps(read(path)))
