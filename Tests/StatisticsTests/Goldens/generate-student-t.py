#!/usr/bin/env python3
"""Writes student-t.json, the golden values of Student's t distribution, like generate.py beside it.

Needs SciPy (made with SciPy 1.17.1). Run it in this folder.
"""
import json

from scipy import stats

T = (0.0, 0.01, 0.3, 0.7, 1.0, 1.5, 2.5, 4.0, 8.0, 20.0, 100.0)
FREEDOM = (0.5, 1, 2, 3, 4, 7, 19, 20, 59, 98, 363, 999, 1e4)

values = [
    dict(t=t, freedom=float(freedom), upper=float(stats.t.sf(t, freedom)), lower=float(stats.t.sf(-t, freedom)))
    for freedom in FREEDOM
    for t in T
]
with open("student-t.json", "w") as file:
    json.dump(values, file, indent=1)
    file.write("\n")
