#!/usr/bin/env python3
"""Writes otava.json: what Apache Otava says of a dozen series, with which the E-divisive tests compare.

Needs apache-otava (made with 0.8.0), as in the environment that scripts/changepoints.sh makes. Run it in this folder;
the seed is fixed.
"""
import json

import numpy as np
from otava.analysis import TTestSignificanceTester, compute_change_points
from scipy import stats

random = np.random.default_rng(20230415)


def levels(*pieces, spread):
    return np.concatenate([random.normal(level, spread, count) for count, level in pieces])


def heavy(*pieces, spread):
    return np.concatenate([level + spread * random.standard_t(3, count) for count, level in pieces])


def series():
    yield "no change", levels((200, 100), spread=2), {}
    yield "no change, heavy tails", heavy((200, 100), spread=2), {}
    yield "one step up", levels((120, 100), (80, 105), spread=2), {}
    yield "one step down, at the end", levels((180, 100), (12, 94), spread=2), {}
    yield "up and down again", levels((90, 1.30), (40, 1.36), (100, 1.30), spread=0.01), {}
    yield "stairs", levels((60, 10), (60, 10.5), (60, 11), (60, 11.5), spread=0.2), {}
    yield "steps, heavy tails", heavy((100, 50), (100, 56), (100, 52), spread=1), {}
    yield "a bad week", levels((100, 20), (7, 23), (100, 20), spread=0.4), {}
    yield "short", levels((14, 5), (10, 6), spread=0.2), {}
    yield "a year of nights, low bound", levels((200, 0.26), (165, 0.30), spread=0.01), dict(max_pvalue=1e-5)
    yield "small steps left out", levels((80, 100), (80, 103), (80, 120), spread=1), dict(min_magnitude=0.05)
    yield "a narrow window", levels((70, 3), (50, 3.3), (60, 3.1), spread=0.08), dict(window_len=30)
    drift = 100 + np.cumsum(random.normal(0, 0.4, 150)) + random.normal(0, 1, 150)
    yield "a random walk", drift, dict(max_pvalue=1e-5)
    yield "counts", np.concatenate([np.full(40, 4.0), np.full(30, 6.0), np.full(20, 5.0)]), {}


written = []
for name, values, options in series():
    settings = dict(window_len=50, max_pvalue=0.001, min_magnitude=0.0) | options
    # A list, not an array: of an array, Otava looks at the whole in every window.
    points, _ = compute_change_points(values.tolist(), **settings)
    # Its merging may leave the statistics of sides that are no longer there: they are had anew, from what is left.
    # SciPy's own test has the p-value of the same sides with the sample's variance.
    tester = TTestSignificanceTester(settings["max_pvalue"])
    intervals = tester.get_intervals(points)
    found = []
    for point, left, right in zip(points, intervals, intervals[1:]):
        anew = tester.change_point(point.to_candidate(), values.tolist(), intervals).stats
        with np.errstate(divide="ignore"):
            p = stats.ttest_ind(values[left], values[right]).pvalue
        found.append(
            dict(
                index=int(point.index), before=float(anew.mean_1), after=float(anew.mean_2),
                otava_p=float(anew.pvalue), p=float(p),
            )
        )
    written.append(dict(name=name, values=values.tolist(), **settings, change_points=found))
    print(f"{name}: {[p['index'] for p in found]}")
with open("otava.json", "w") as file:
    json.dump(written, file, indent=1)
    file.write("\n")
