#!/usr/bin/env python3
"""Writes the golden values of the Statistics tests, by programs that share no code with them.

Needs NumPy and SciPy (made with SciPy 1.17.1). Run it in this folder; the seed is fixed, so that the files
come out the same. Where SciPy has no function, the definition is spelled out here in its slowest form.
"""
import itertools
import json
import math
from fractions import Fraction

import numpy as np
from scipy import integrate, optimize, stats

random = np.random.default_rng(20170422)
ALTERNATIVES = {"twoSided": "two-sided", "less": "less", "greater": "greater"}


def write(name, content):
    with open(name + ".json", "w") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def sample(kind, n):
    if kind == "normal":
        return random.normal(0.3, 1, n)
    if kind == "lognormal":
        return random.lognormal(0, 1, n) - 1
    if kind == "cauchy":
        return random.standard_cauchy(n)
    return np.round(random.normal(0.5, 1.5, n))  # "tied": small whole numbers, zeros among them


# --- Wilcoxon's signed-rank test -------------------------------------------------------------------

tests = []
for kind in ("normal", "lognormal", "cauchy"):
    for n in (8, 9, 12, 20, 27, 40, 80, 150):
        values = sample(kind, n)
        for shift in (0.0, 0.25):
            for name, alternative in ALTERNATIVES.items():
                p = stats.wilcoxon(values - shift, alternative=alternative, method="exact").pvalue
                tests.append(dict(differences=values.tolist(), shift=shift, alternative=name, p=float(p)))
for n in (8, 10, 12):
    for _ in range(3):
        values = sample("tied", n)
        for name, alternative in ALTERNATIVES.items():
            # All 2^n signs, which is the exact distribution in the presence of ties.
            method = stats.PermutationMethod(n_resamples=np.inf)
            p = stats.wilcoxon(values, alternative=alternative, zero_method="wilcox", method=method).pvalue
            tests.append(dict(differences=values.tolist(), shift=0.0, alternative=name, p=float(p)))
for values in (sample("normal", 300) / 3, np.round(sample("normal", 400) * 4)):
    for name, alternative in ALTERNATIVES.items():
        p = stats.wilcoxon(values, alternative=alternative, correction=True, method="asymptotic").pvalue
        tests.append(dict(differences=values.tolist(), shift=0.0, alternative=name, p=float(p)))


def counts(n):
    """How many of the 2^n sets of ranks have each sum, in whole numbers."""
    result = [1]
    for rank in range(1, n + 1):
        longer = result + [0] * rank
        for index, count in enumerate(result):
            longer[index + rank] += count
        result = longer
    return result


def critical_value(n, confidence):
    tail, k, total = (1 - confidence) / 2, -1, 0
    for count in counts(n):
        total += count
        if Fraction(total, 2**n) > tail:
            break
        k += 1
    return k


def data_with_statistic(n, w):
    """Differences whose ranks with positive sign add up to w."""
    magnitudes, signs = np.arange(1.0, n + 1), -np.ones(n)
    for rank in range(n, 0, -1):
        if w >= rank:
            signs[rank - 1], w = 1, w - rank
    return magnitudes * signs


critical = []
for confidence in (Fraction(9, 10), Fraction(95, 100), Fraction(99, 100)):
    for n in list(range(1, 51)) + [64, 65, 100, 200]:
        k = critical_value(n, confidence)
        if k >= 0 and n <= 100:
            level = float(1 - confidence)
            assert stats.wilcoxon(data_with_statistic(n, k), method="exact").pvalue <= level + 1e-12
            assert stats.wilcoxon(data_with_statistic(n, k + 1), method="exact").pvalue > level
        achieved = 1 - 2 * Fraction(sum(counts(n)[: k + 1]), 2**n)
        critical.append(
            dict(n=n, confidence=float(confidence), k=k if k >= 0 else None, achieved=float(achieved) if k >= 0 else None)
        )
write("wilcoxon", dict(tests=tests, critical=critical))

# --- Hodges–Lehmann --------------------------------------------------------------------------------

cases = []
for kind in ("normal", "lognormal", "cauchy", "tied"):
    for n, confidence in ((8, 0.99), (12, 0.95), (13, 0.99), (20, 0.95), (27, 0.99), (40, 0.99), (41, 0.95)):
        values = sample(kind, n)
        i, j = np.triu_indices(n)
        averages = np.sort((values[i] + values[j]) / 2)
        k = critical_value(n, Fraction(str(confidence)))
        cases.append(
            dict(
                values=values.tolist(), confidence=confidence, estimate=float(np.median(averages)),
                low=float(averages[k]), high=float(averages[len(averages) - 1 - k]),
            )
        )
write("hodges-lehmann", cases)

# --- Sign test -------------------------------------------------------------------------------------

sign = []
for kind in ("normal", "lognormal", "tied"):
    for n, confidence in ((8, 0.99), (9, 0.95), (12, 0.95), (20, 0.95), (27, 0.99), (40, 0.99), (300, 0.95)):
        values = sample(kind, n)
        ordered = np.sort(values)
        k = max(k for k in range(n) if 2 * stats.binom.cdf(k, n, 0.5) <= 1 - confidence + 1e-12)
        above, below = int((values > 0).sum()), int((values < 0).sum())
        sign.append(
            dict(
                values=values.tolist(), confidence=confidence, estimate=float(np.median(values)),
                low=float(ordered[k]), high=float(ordered[n - 1 - k]), achieved=float(1 - 2 * stats.binom.cdf(k, n, 0.5)),
                p={
                    name: float(stats.binomtest(above, above + below, 0.5, alternative=alternative).pvalue)
                    for name, alternative in ALTERNATIVES.items()
                },
            )
        )
        if kind != "tied":
            interval = stats.quantile_test(values, q=0, p=0.5).confidence_interval(confidence)
            assert (interval.low, interval.high) == (ordered[k], ordered[n - 1 - k]), (n, confidence)
write("sign-test", sign)

# --- Triples test, from the definition (Hollander, Wolfe & Chicken, section 3.9) ---------------------

triples = []
for kind in ("normal", "lognormal", "cauchy", "tied"):
    for n in (8, 12, 20, 27):
        x = sample(kind, n)
        total, single, pair = 0.0, np.zeros(n), np.zeros((n, n))
        for i, j, k in itertools.combinations(range(n), 3):
            f = sum(
                np.sign(value)
                for value in (x[i] + x[j] - 2 * x[k], x[i] + x[k] - 2 * x[j], x[j] + x[k] - 2 * x[i])
            )
            total += f
            for a in (i, j, k):
                single[a] += f
            for a, b in ((i, j), (i, k), (j, k)):
                pair[a, b] += f
        variance = (
            (n - 3) * (n - 4) / ((n - 1) * (n - 2)) * (single**2).sum()
            + (n - 3) / (n - 4) * (pair**2).sum()
            + n * (n - 1) * (n - 2) / 6
            - (1 - (n - 3) * (n - 4) * (n - 5) / (n * (n - 1) * (n - 2))) * total**2
        )
        triples.append(
            dict(values=x.tolist(), coefficient=float(total / math.comb(n, 3)), statistic=float(total / math.sqrt(variance)))
        )
write("triples", triples)

# --- Several tests ---------------------------------------------------------------------------------

multiple = []
for m in (1, 2, 5, 20, 60):
    p = random.uniform(0, 1, m) ** 3
    if m == 20:
        p[3] = p[7] = p[11]
    # Holm's definition, one p-value at a time: the largest of (m − rank of q)·q over all q not above p.
    ordered = np.sort(p)
    holm = [min(1.0, max((m - r) * ordered[r] for r in range(m) if ordered[r] <= value)) for value in p]
    multiple.append(
        dict(p=p.tolist(), holm=[float(v) for v in holm], bh=stats.false_discovery_control(p, method="bh").tolist())
    )
write("multiple-testing", multiple)

# --- Summary numbers -------------------------------------------------------------------------------

descriptive = []
for kind in ("normal", "lognormal", "cauchy", "tied"):
    for n in (2, 3, 10, 37):
        x = sample(kind, n) + 0.01
        deviations = x - x.mean()
        lag1 = (deviations[1:] * deviations[:-1]).sum() / (deviations**2).sum() if np.ptp(x) > 0 else 0.0
        descriptive.append(
            dict(
                values=x.tolist(), mean=float(x.mean()), median=float(np.median(x)),
                mad=float(stats.median_abs_deviation(x)), cv=float(x.std(ddof=1) / abs(x.mean())), lag1=float(lag1),
                quantiles={
                    str(q): float(np.quantile(x, q, method="linear")) for q in (0, 0.05, 0.25, 0.5, 0.9, 0.99, 1)
                },
            )
        )
write("descriptive", descriptive)

# --- Slopes over sizes, block by block; from a generator of their own, which leaves the others' numbers as they are -----

slope_random = np.random.default_rng(19680501)
slopes = []
for sizes in ([0, 100, 1000, 5000, 30000], [0, 1], [3, 1, 2, 10], [1, 1, 2]):
    for blocks, confidence in ((12, 0.95), (27, 0.99)):
        growth = slope_random.normal(0.02, 0.002, blocks)
        series = [9000 + growth * size + slope_random.normal(0, 5, blocks) for size in sizes]
        lines = np.sort([stats.linregress(sizes, [values[b] for values in series]).slope for b in range(blocks)])
        i, j = np.triu_indices(blocks)
        averages = np.sort((lines[i] + lines[j]) / 2)
        k = critical_value(blocks, Fraction(str(confidence)))
        slopes.append(
            dict(
                sizes=[float(size) for size in sizes], confidence=confidence, series=[v.tolist() for v in series],
                slopes=[float(stats.linregress(sizes, [v[b] for v in series]).slope) for b in range(blocks)],
                estimate=float(np.median(averages)), low=float(averages[k]),
                high=float(averages[len(averages) - 1 - k]),
                p=float(stats.wilcoxon(lines, method="exact").pvalue),
            )
        )
write("slope", slopes)

# --- Lines by relative errors: polyfit with weights, and curve_fit with sigma beside it ---------------------------------

line_random = np.random.default_rng(20250905)
lines = []
for sizes, intercept, slope in (
    ([4096, 65536, 1 << 20, 16 << 20, 256 << 20, 1 << 30], 4.5e5, 3.9),
    ([4096, 1 << 20, 64 << 20], 1e5, 0.0),
    ([1, 2, 4, 8, 16, 16], 3.0, 1.5),
    ([8, 1, 3], 0.1, 20.0),
):
    for blocks, confidence in ((12, 0.95), (18, 0.99)):
        x = np.array(sizes, dtype=float)
        series = [(intercept + slope * size) * np.exp(line_random.normal(0, 0.08, blocks)) for size in sizes]
        fits = []
        for b in range(blocks):
            y = np.array([values[b] for values in series])
            scales = y
            for _ in range(3):
                # In parts of the largest size and the smallest value: only then are curve_fit's steps fine enough.
                found, _ = optimize.curve_fit(
                    lambda size, a, c: a + c * size, x / x.max(), y / y.min(), p0=(1, 1), sigma=scales / y.min(),
                    ftol=1e-15, xtol=1e-15, gtol=1e-15,
                )
                c, a = np.polyfit(x, y, 1, w=1 / scales)
                assert np.allclose(found * y.min(), (a, c * x.max()), rtol=1e-6, atol=1e-6 * y.min())
                scales = np.maximum(a + c * x, 0.1 * y)
            fits.append((float(a), float(c)))
        intervals = {}
        for name, values in (("intercept", [a for a, _ in fits]), ("slope", [c for _, c in fits])):
            i, j = np.triu_indices(blocks)
            averages = np.sort((np.array(values)[i] + np.array(values)[j]) / 2)
            k = critical_value(blocks, Fraction(str(confidence)))
            intervals[name] = dict(
                values=values, estimate=float(np.median(averages)), low=float(averages[k]),
                high=float(averages[len(averages) - 1 - k]),
            )
        lines.append(
            dict(sizes=x.tolist(), confidence=confidence, series=[v.tolist() for v in series], **intervals)
        )
write("line", lines)

# --- Random numbers: the reference algorithms once more, in unbounded integers -------------------------

MASK = 2**64 - 1


def splitmix64(seed):
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def rotate(x, k):
    return ((x << k) | (x >> (64 - k))) & MASK


def xoshiro256starstar(s):
    s = list(s)
    while True:
        yield (rotate((s[1] * 5) & MASK, 7) * 9) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)


def seeded(seed):
    return xoshiro256starstar(itertools.islice(splitmix64(seed), 4))


def permutation(n, stream):
    items = list(range(n))
    for last in range(n - 1, 0, -1):
        bound = last + 1
        bits = next(bits for bits in stream if bits >= 2**64 % bound)
        other = bits % bound
        items[last], items[other] = items[other], items[last]
    return items


generators = []
for seed in (0, 1, 42, 2**63, MASK):
    stream = seeded(seed)
    outputs = [str(next(stream)) for _ in range(8)]
    generators.append(
        dict(seed=str(seed), outputs=outputs, permutations=[permutation(n, stream) for n in (2, 3, 8, 20)])
    )
write("generator", generators)

# --- True locations for the coverage simulations ----------------------------------------------------


def pseudomedian(pdf, cdf, low, high):
    """The median of the mean of two independent values, by quadrature."""

    def excess(m):
        return integrate.quad(lambda x: pdf(x) * cdf(2 * m - x), low, high, limit=400, points=[m, 2 * m])[0] - 0.5

    return optimize.brentq(excess, 0.1, 5, xtol=1e-12)


lognormal, exponential = stats.lognorm(1), stats.expon()
write(
    "truths",
    dict(
        logNormal=dict(median=1.0, pseudomedian=pseudomedian(lognormal.pdf, lognormal.cdf, 0, 60)),
        exponential=dict(median=math.log(2), pseudomedian=pseudomedian(exponential.pdf, exponential.cdf, 0, 60)),
    ),
)
