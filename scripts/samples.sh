#!/bin/sh
# Measures anew what reports/samples shows: the long profile of network-hop, and cow-io. An old sample goes when its
# successor is there; one that bears no verdict stays as honest as any.
#
#   scripts/samples.sh BENCH          the path of the program
set -u

bench=$1
samples=reports/samples
# Below reports, which scripts/run.sh gives back to who asked, and with a store of its own.
new=$PWD/reports/.samples
mkdir -p "$new" || exit 70
trap 'rm -rf "$new"' EXIT
export BENCH_STORE="$new/store.sqlite"

# sample SCENARIO [ARGUMENT...]
sample() {
  scenario=$1
  shift
  rm -rf "${new:?}/$scenario"
  scripts/run.sh "$bench" run "$scenario" "$@" --report "$new/$scenario" || exit
  "$bench" report latest --report "$new/$scenario" --format csv,junit || exit
  rm -rf "$samples/$scenario"-2*
  cp -R "$new/$scenario/." "$samples" || exit
}

sample network-hop --profile standard
cp "$samples"/network-hop-*-figures/ladder-0.svg docs/images/ladder.svg || exit
sample cow-io
cp "$samples"/cow-io-*-figures/lines-0-1.svg docs/images/copy-up.svg || exit
