#!/bin/sh
# Makes the Python environment in which Benchmarks/peers/changepoints.py runs Apache Otava, in
# $BUILD_DIR/changepoints. Does nothing where it is there. Exits 69 where it cannot be made, and says why.
# BENCH_NO_INSTALL=1 forbids making it.
set -u

"$(dirname "$0")/python-environment.sh" changepoints benchmarks otava.analysis apache-otava==0.8.0 || {
  code=$?
  echo "changepoints.sh: change points are not compared with Apache Otava's." >&2
  exit "$code"
}
