#!/bin/sh
# Makes the Python environment in which Benchmarks/peers/changepoints.py runs Apache Otava, in
# $BUILD_DIR/changepoints. Does nothing where it is there. Exits 69 where it cannot be made, and says why.
#
# BENCH_NO_INSTALL=1 forbids making it.
set -u

environment=${BUILD_DIR:-.build}/changepoints
wanted='apache-otava==0.8.0'
stamp=$environment/installed

# works: whether what is there is what is wanted, and can be imported.
works() {
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && "$environment/bin/python" -c 'import otava.analysis' 2>/dev/null
}

# give_up WHY
give_up() {
  echo "changepoints.sh: $1. Change points are not compared with Apache Otava's." >&2
  exit 69
}

works && exit 0
[ -z "${BENCH_NO_INSTALL:-}" ] || give_up "$environment is missing or old, and BENCH_NO_INSTALL is set"
log=$(mktemp) || exit 70
trap 'rm -f "$log"' EXIT

echo "Making a Python environment in $environment: $wanted" >&2
rm -rf "$environment"
for python in /usr/bin/python3 python3; do
  command -v "$python" >/dev/null 2>&1 && "$python" -m venv "$environment" >"$log" 2>&1 && break
done
if [ ! -x "$environment/bin/pip" ]; then
  cat "$log" >&2
  give_up 'python3 cannot make an environment ("scripts/deps.sh benchmarks" installs what it lacks)'
fi
if ! "$environment/bin/python" -m pip --disable-pip-version-check --retries 1 --timeout 30 install --quiet \
  "$wanted" >"$log" 2>&1; then
  tail -n 5 "$log" >&2
  give_up 'pip could not install (see above)'
fi
printf '%s\n' "$wanted" >"$stamp"
works || give_up "what was installed in $environment cannot be imported"
