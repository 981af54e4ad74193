#!/bin/sh
# Measures the program beside its peers, and then its own hot paths. `make benchmarks` calls it after
# a build for release. See Benchmarks/README.md.
#
#   Benchmarks/run.sh                              everything
#   Benchmarks/run.sh peers [COMPARISON...]        veth bridge throughput fileio topology startup hops changepoints
#                                                  (these), native
#   Benchmarks/run.sh simulation                   made-up nights of the nightly job: false alarms and power
#   Benchmarks/run.sh nights [ARGUMENT...]         real ones, as root on a quiet host: --nights 10, --kill, --history 25
#   Benchmarks/run.sh hot [ARGUMENT...]            arguments for the benchmark plugin, e.g. --filter 'Store.*'
#
# Variables: SWIFT=swift, BUILD_DIR=.build (where `make build` built), BENCH_NO_INSTALL=1 (see
# scripts/deps.sh), BENCH_JSON=FOLDER (each comparison's result as JSON, too).
set -u

usage() {
  sed -n '2,14s/^# \{0,1\}//p' Benchmarks/run.sh
}

case ${BENCH_JSON:-} in
  '' | /*) ;;
  *) BENCH_JSON=$(pwd)/$BENCH_JSON ;;
esac
cd "$(dirname "$0")/.." || exit 70
swift=${SWIFT:-swift}
build=${BUILD_DIR:-.build}
status=0

# A comparison may be interrupted; then nothing more is to be run.
trap 'exit 130' INT TERM

# note CODE: remembers the worst that happened; goes on unless it was an interrupt.
note() {
  case $1 in
    0) ;;
    130 | 143) exit 130 ;;
    *) [ "$status" -ne 0 ] || status=$1 ;;
  esac
}

# compare NAME COMMAND ARGUMENT...: as root where that takes no password.
compare() {
  name=$1
  shift
  [ -z "${BENCH_JSON:-}" ] || set -- "$@" --json "$BENCH_JSON/$name.json"
  echo "== $name"
  case $name in
    fileio | startup | hops | changepoints) as_root=no ;;
    *) as_root=yes ;;
  esac
  if [ "$as_root" = yes ] && [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n env BENCH_WORKER="$worker" PYTHONDONTWRITEBYTECODE=1 "$@"
  else
    env BENCH_WORKER="$worker" PYTHONDONTWRITEBYTECODE=1 "$@"
  fi
  note $?
  echo
}

peers() {
  [ $# -gt 0 ] || set -- veth bridge throughput fileio topology startup hops changepoints
  for name in "$@"; do
    case $name in
      native | veth | bridge | throughput | fileio | topology | startup | hops | changepoints) ;;
      *)
        echo "run.sh: no comparison is named '$name' (known: native, veth, bridge, throughput, fileio," \
          "topology, startup, hops, changepoints)" >&2
        exit 64
        ;;
    esac
  done

  scripts/deps.sh benchmarks || exit
  if ! command -v python3 >/dev/null; then
    echo 'run.sh: python3 is missing; on Debian and Ubuntu: sudo apt-get install python3' >&2
    exit 69
  fi
  case $build in
    /*) worker=$build/release/bench-worker ;;
    *) worker=$(pwd)/$build/release/bench-worker ;;
  esac
  if [ ! -x "$worker" ]; then
    echo "run.sh: $worker is missing: 'make build' makes it, and 'make benchmarks' does both" >&2
    exit 69
  fi
  if [ -n "${BENCH_JSON:-}" ]; then mkdir -p "$BENCH_JSON" || exit 69; fi
  # Built as the user, not as root.
  python3 Benchmarks/peers/contestants.py >/dev/null || exit
  for name in "$@"; do
    case $name in
      topology | changepoints)
        "$swift" build --package-path Benchmarks --configuration release --product "bench-$name" || exit 70
        ;;
    esac
    if [ "$name" = changepoints ]; then scripts/changepoints.sh || exit; fi
  done

  for name in "$@"; do
    case $name in
      throughput | fileio | topology | startup | hops) compare "$name" "Benchmarks/peers/$name.py" ;;
      changepoints) compare "$name" "$build/changepoints/bin/python" Benchmarks/peers/changepoints.py ;;
      *) compare "$name" Benchmarks/peers/latency.py "$name" ;;
    esac
  done
}

nights() {
  Benchmarks/nights.py --bench "$build/release/bench" --worker "$build/release/bench-worker" "$@"
  note $?
}

simulation() {
  if [ $# -gt 0 ]; then
    echo "run.sh: 'simulation' takes no arguments" >&2
    exit 64
  fi
  scripts/deps.sh build || exit
  "$swift" build --package-path Benchmarks --configuration release --product night-simulation >&2 || exit 70
  Benchmarks/.build/release/night-simulation
  note $?
}

hot() {
  echo '== hot paths'
  "$swift" package --package-path Benchmarks benchmark "$@"
  note $?
}

if [ $# -eq 0 ]; then
  peers
  simulation
  hot
else
  command=$1
  shift
  case $command in
    peers) peers "$@" ;;
    simulation) simulation "$@" ;;
    nights) nights "$@" ;;
    hot) hot "$@" ;;
    -h | --help | help) usage ;;
    *)
      usage >&2
      exit 64
      ;;
  esac
fi
exit "$status"
