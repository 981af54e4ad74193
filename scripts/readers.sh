#!/bin/sh
# Makes what tests hold exports against, in $BUILD_DIR/readers: the programs that are to read them.
#
#   bin/python     prometheus_client, whose parsers read OpenMetrics and the Prometheus text format, and Apache Otava
#                  where there is one for this Python
#   bin/promtool   out of Debian's package prometheus, which is unpacked and not installed: its scripts would start a
#                  server on this machine
#   junit-10.xsd   the schema of Jenkins' xunit-plugin (MIT), out of pytest's source package, which has it for its own
#                  tests
#
# Does nothing where they are there. Exits 69 where they cannot be made, and says why. BENCH_NO_INSTALL=1 forbids making
# them.
set -u

readers=${BUILD_DIR:-.build}/readers
schema_source='pytest==9.2.0'
schema_path='testing/example_scripts/junit-10.xsd'
stamp=$readers/complete

# works: whether what is there is what is wanted, and starts.
works() {
  [ "$(cat "$stamp" 2>/dev/null)" = "$schema_source" ] && [ -s "$readers/junit-10.xsd" ] &&
    "$readers/bin/promtool" --version >/dev/null 2>&1
}

# give_up WHY
give_up() {
  echo "readers.sh: $1. Exports are not held against the programs that read them." >&2
  exit 69
}

# try WHAT COMMAND...: runs it, and gives up where it fails.
try() {
  what=$1
  shift
  "$@" >"$log" 2>&1 && return
  tail -n 5 "$log" >&2
  give_up "$what failed (see above)"
}

"$(dirname "$0")/python-environment.sh" readers test 'prometheus_client.openmetrics.parser, otava.main' \
  prometheus-client==0.26.0 apache-otava==0.8.0 || give_up 'they need a Python environment (see above)'
works && exit 0
[ -z "${BENCH_NO_INSTALL:-}" ] || give_up "$readers is not complete, and BENCH_NO_INSTALL is set"
work=$(mktemp -d) || exit 70
trap 'rm -rf "$work"' EXIT
log=$work/log

echo "Adding to $readers: promtool, $schema_path" >&2
try 'pip download' "$readers/bin/python" -m pip --disable-pip-version-check --retries 1 --timeout 30 \
  download --quiet --no-deps --no-binary :all: --dest "$work" "$schema_source"
try 'unpacking pytest' tar -xzf "$work"/pytest-*.tar.gz -C "$work"
try 'finding the schema' cp "$work"/pytest-*/"$schema_path" "$readers/junit-10.xsd"

command -v apt-get >/dev/null 2>&1 || give_up 'this system has no apt-get, and promtool comes out of a Debian package'
(cd "$work" && apt-get -qq download prometheus) >"$log" 2>&1 || {
  # Without lists of packages, or with old ones.
  [ "$(id -u)" -eq 0 ] && apt-get -qq update >"$log" 2>&1
  (cd "$work" && apt-get -qq download prometheus) >"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    give_up 'apt-get download prometheus failed (see above)'
  }
}
try 'unpacking prometheus' dpkg -x "$work"/prometheus_*.deb "$work/prometheus"
try 'finding promtool' cp "$work/prometheus/usr/bin/promtool" "$readers/bin/promtool"
printf '%s\n' "$schema_source" >"$stamp"
works || give_up "what was put into $readers does not start"
