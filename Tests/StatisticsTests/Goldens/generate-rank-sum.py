#!/usr/bin/env python3
"""Writes rank-sum.json, the golden values of two independent samples, like generate.py beside it.

Needs NumPy and SciPy (made with SciPy 1.17.1). Run it in this folder; the seed is fixed.
"""
import json
import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
from scipy import stats

random = np.random.default_rng(19470318)
ALTERNATIVES = {"twoSided": "two-sided", "less": "less", "greater": "greater"}


def test(first, second, method):
    for name, alternative in ALTERNATIVES.items():
        # SciPy's statistic belongs to its first argument: "greater" is that the second sample lies higher.
        p = stats.mannwhitneyu(second, first, alternative=alternative, method=method).pvalue
        yield dict(first=first.tolist(), second=second.tolist(), alternative=name, p=float(p))


tests = []
for n, m in ((8, 8), (8, 12), (12, 8), (18, 18), (27, 12), (40, 40)):
    tests += test(random.normal(0, 1, n), random.normal(0.6, 1.5, m), "exact")
# With ties every choice of the places is counted (12 870 and 43 758 of them).
for n, m in ((8, 8), (8, 10), (10, 8)):
    pair = np.round(random.normal(0, 1.5, n)), np.round(random.normal(1, 1.5, m))
    tests += test(*pair, stats.PermutationMethod(n_resamples=np.inf))
for pair in (
    (random.normal(0, 1, 60), random.normal(0.3, 1, 45)),
    (np.round(random.normal(0, 2, 60)), np.round(random.normal(1, 2, 45))),
):
    tests += test(*pair, "asymptotic")


@lru_cache(maxsize=None)
def ways(u, n, m):
    """In how many orders of n and m values exactly u pairs are the one way round (Mann and Whitney's recursion)."""
    if u < 0:
        return 0
    if n == 0 or m == 0:
        return 1 if u == 0 else 0
    return ways(u - m, n - 1, m) + ways(u, n, m - 1)


critical = []
for n, m in ((3, 4), (4, 4), (8, 8), (8, 12), (12, 12), (8, 40), (18, 27), (27, 27), (40, 40)):
    for confidence in ("0.95", "0.99", "0.999"):
        total = math.comb(n + m, n)
        tail = (1 - Fraction(confidence)) / 2
        k, below = -1, 0
        while Fraction(below + ways(k + 1, n, m), total) <= tail:
            k += 1
            below += ways(k, n, m)
        critical.append(
            dict(n=n, m=m, confidence=float(confidence))
            | (dict(k=k, achieved=float(1 - 2 * Fraction(below, total))) if k >= 0 else {})
        )


def critical_value(n, m, confidence):
    return next(c["k"] for c in critical if (c["n"], c["m"], c["confidence"]) == (n, m, confidence))


def robust(first, second, confidence):
    """K by Fligner and Policello's variance, after the samples were aligned."""
    second = second - np.median([y - x for x in first for y in second])
    below = lambda value, others: sum(1.0 if o < value else 0.5 if o == value else 0.0 for o in others)
    p = np.array([below(x, second) for x in first])
    q = np.array([below(y, first) for y in second])
    variance = np.sum((p - p.mean()) ** 2) + np.sum((q - q.mean()) ** 2) + p.mean() * q.mean()
    z = stats.norm.ppf(1 - (1 - confidence) / 2)
    return math.floor(len(p) * len(q) / 2 - z * math.sqrt(variance))


shifts = []
for n, m, spread in ((8, 8, 1), (12, 12, 1), (8, 40, 0.2), (8, 40, 5), (18, 27, 2), (40, 40, 1)):
    first, second = random.normal(10, 1, n), random.normal(10.5, spread, m)
    differences = np.sort([y - x for x in first for y in second])
    for confidence in (0.95, 0.99):
        moses = critical_value(n, m, confidence)
        k = max(0, min(moses, robust(first, second, confidence)))
        shifts.append(
            dict(
                first=first.tolist(), second=second.tolist(), confidence=confidence,
                estimate=float(np.median(differences)),
                mosesLow=float(differences[moses]), mosesHigh=float(differences[-1 - moses]),
                low=float(differences[k]), high=float(differences[-1 - k]),
            )
        )

with open("rank-sum.json", "w") as file:
    json.dump(dict(tests=tests, critical=critical, shifts=shifts), file, indent=1)
    file.write("\n")
