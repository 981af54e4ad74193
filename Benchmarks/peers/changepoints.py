#!/usr/bin/env python3
"""Change points of series of nights: bench's E-divisive beside Apache Otava's, on the same numbers.

The series are made from a seed: of steps, stairs, a bad week, creep and nothing, with normal and heavy-tailed noise.
Both programs look for change points in all of them, in turn; reading the series in is counted for neither. Then it is
counted how often they say the same. bench differs from Otava in two points on purpose (see EDivisive.swift), so Otava
is asked once more with those two changed: then both must say the same everywhere.
"""

import json
import math
import os
import random
import statistics
import subprocess
import time
import warnings

from command import INTERNAL, ROOT, UNAVAILABLE, Failure, Parser, Report, require_file, run, whole

# At the bound by which bench reports. At Otava's own, a level of two or three values is often what is in question, and
# there a variance by n instead of n − 1 decides.
GOAL_SAME = 0.95
GOAL_RATIO = 10
GOAL_SECONDS = 5

# Otava's own, and the one by which bench reports.
BOUNDS = (1e-3, 1e-5)

KINDS = ("nothing", "step", "up and down", "stairs", "bad week", "creep", "late step")


def make_series(draw, kind, nights):
    """Positive values around 1.3, as overheads have them."""
    spread = draw.choice((0.005, 0.01, 0.03))
    effect = draw.choice((0.02, 0.03, 0.05, 0.1))
    is_heavy = draw.random() < 0.3
    third, where = nights // 3, draw.randrange(nights // 5, nights - nights // 5)

    def level(night):
        if kind == "step":
            return effect * (night >= where)
        if kind == "up and down":
            return effect * (third <= night < 2 * third)
        if kind == "stairs":
            return effect * (night * 4 // nights)
        if kind == "bad week":
            return effect * (where <= night < where + 7)
        if kind == "creep":
            return 2 * effect * night / nights
        if kind == "late step":
            return effect * (night >= nights - 6)
        return 0

    def noise():
        if not is_heavy:
            return draw.gauss(0, 1)
        return draw.gauss(0, 1) / math.sqrt(sum(draw.gauss(0, 1) ** 2 for _ in range(3)) / 3)

    return [1.3 * math.exp(level(night) + spread * noise()) for night in range(nights)]


class Ours:
    """bench-changepoints, a process for each time it is asked."""

    def __init__(self, program, series):
        self.program, self.series = program, series

    def find(self, bound):
        """Seconds, and the indices of the change points of each series."""
        settings = {"window_len": 50, "max_pvalue": bound, "min_magnitude": 0}
        question = json.dumps({"series": self.series, "rounds": 1, "settings": settings})
        done = subprocess.run([self.program], input=question, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(INTERNAL, f"bench-changepoints: {done.stderr.strip()}")
        answer = json.loads(done.stdout)
        return answer["seconds"][0], [[point["index"] for point in points] for points in answer["change_points"]]


class Otava:
    """compute_change_points of the library, called as `otava analyze` calls it: with a list."""

    def __init__(self, series):
        try:
            import numpy
            from otava import analysis
        except ImportError as error:
            raise Failure(
                UNAVAILABLE, f"{error}: scripts/changepoints.sh makes an environment that has it, and "
                "'Benchmarks/run.sh peers changepoints' uses that"
            ) from error
        # Two equal values have no variance; what becomes of that is its own business.
        warnings.simplefilter("ignore", RuntimeWarning)
        self.analysis, self.numpy, self.series = analysis, numpy, series

    def find(self, bound):
        start = time.monotonic()
        found = [self.analysis.compute_change_points(values, max_pvalue=bound)[0] for values in self.series]
        return time.monotonic() - start, [[int(point.index) for point in points] for points in found]

    def find_changed(self, bound):
        """With the sample's variance in its test, and both neighbours judged anew after a merge."""
        analysis, numpy = self.analysis, self.numpy

        class Tester(analysis.TTestSignificanceTester):
            def compare(self, left, right):
                found = super().compare(left, right)
                spreads = [numpy.std(side, ddof=1) if len(side) > 1 else 0.0 for side in (left, right)]
                if len(left) + len(right) > 2:
                    _, found.pvalue = analysis.ttest_ind_from_stats(
                        found.mean_1, spreads[0], len(left), found.mean_2, spreads[1], len(right)
                    )
                return found

        tester = Tester(bound)

        def anew(points, values):
            pieces = tester.get_intervals(points)
            return [tester.change_point(point.to_candidate(), values, pieces) for point in points]

        plain, result = analysis.TTestSignificanceTester, []
        analysis.TTestSignificanceTester = Tester
        try:
            for values in self.series:
                weak = {point.index: point for point in analysis.split(values, 50, 10 * bound)}
                points = anew([weak[index] for index in sorted(weak)], values)
                while points and max(point.stats.pvalue for point in points) > bound:
                    points.remove(max(points, key=lambda point: point.stats.pvalue))
                    points = anew(points, values)
                result.append([int(point.index) for point in points])
        finally:
            analysis.TTestSignificanceTester = plain
        return result


def agreement(ours, theirs):
    """Counts: of series with the same change points, and of change points that both have, or one alone."""
    both = sum(len(set(a) & set(b)) for a, b in zip(ours, theirs))
    return {
        "series": len(ours),
        "same": sum(a == b for a, b in zip(ours, theirs)),
        "points_of_both": both,
        "points_of_bench_alone": sum(map(len, ours)) - both,
        "points_of_otava_alone": sum(map(len, theirs)) - both,
    }


def arguments():
    parser = Parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--series", type=whole(7, 100000), default=500, metavar="N")
    parser.add_argument("--nights", type=whole(60, 10000), default=365, metavar="N")
    parser.add_argument("--alternations", type=whole(1, 1000), default=3, metavar="N")
    parser.add_argument("--seed", type=whole(0, 2**63), default=1, metavar="N", help="of the series and of the order")
    parser.add_argument(
        "--program",
        metavar="FILE",
        help="bench-changepoints; else what Benchmarks/run.sh made",
        default=os.path.join(ROOT, "Benchmarks", ".build", "release", "bench-changepoints"),
    )
    return parser.parse_args()


def main():
    given = arguments()
    program = require_file(os.path.abspath(given.program), "'Benchmarks/run.sh peers changepoints' makes it")
    report = Report(given)
    draw = random.Random(given.seed)
    series = [make_series(draw, KINDS[index % len(KINDS)], given.nights) for index in range(given.series)]
    programs = {"bench": Ours(program, series), "otava": Otava(series)}
    report.line(f"changepoints: {given.series} series of {given.nights} nights, {given.alternations} alternations")
    report.line(
        f"{'':>8}{'bench s':>9}{'Otava s':>9}{'ratio':>28}{'same series':>15}{'points: both, bench, Otava':>29}"
    )
    result = {"comparison": "changepoints", "series": given.series, "nights": given.nights, "seed": given.seed}
    result["bounds"] = []
    for bound in BOUNDS:
        seconds, found = {name: [] for name in programs}, {}
        for _ in range(given.alternations):
            for name in draw.sample(list(programs), len(programs)):
                taken, found[name] = programs[name].find(bound)
                seconds[name].append(taken)
        ratios = [theirs / ours for ours, theirs in zip(seconds["bench"], seconds["otava"])]
        counts = agreement(found["bench"], found["otava"])
        changed = agreement(found["bench"], programs["otava"].find_changed(bound))
        middle, least, most = statistics.median(ratios), min(ratios), max(ratios)
        points = f"{counts['points_of_both']}, {counts['points_of_bench_alone']}, {counts['points_of_otava_alone']}"
        report.line(
            f"{f'p ≤ {bound:g}':>8}{statistics.median(seconds['bench']):>9.3f}"
            f"{statistics.median(seconds['otava']):>9.2f}{f'{middle:.0f} ({least:.0f} … {most:.0f})':>28}"
            f"{counts['same']:>8} of {counts['series']}{points:>29}"
        )
        report.line(f"         with the two changes in Otava: {changed['same']} of {changed['series']}")
        result["bounds"].append(
            {
                "max_pvalue": bound,
                "seconds": seconds,
                "ratio_to_bench": {"median": middle, "min": least, "max": most},
                "agreement": counts,
                "agreement_with_changed_otava": changed,
            }
        )
    bounds = result["bounds"]
    size = given.series * given.nights / (500 * 365)
    result["goals"] = [
        report.goal(
            f"the same in {GOAL_SAME:.0%} of the series at p ≤ {BOUNDS[-1]:g}",
            bounds[-1]["agreement"]["same"] >= GOAL_SAME * given.series,
        ),
        report.goal(
            "the same in all of them with the two changes in Otava",
            all(each["agreement_with_changed_otava"]["same"] == given.series for each in bounds),
        ),
        report.goal(
            f"≥ {GOAL_RATIO} × faster than Otava",
            all(each["ratio_to_bench"]["median"] >= GOAL_RATIO for each in bounds),
        ),
        report.goal(
            f"500 series of 365 nights in ≤ {GOAL_SECONDS} s",
            all(statistics.median(each["seconds"]["bench"]) <= GOAL_SECONDS * size for each in bounds),
        ),
    ]
    return report.finish(result)


if __name__ == "__main__":
    run(main)
