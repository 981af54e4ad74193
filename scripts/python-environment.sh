#!/bin/sh
# Makes a Python environment in $BUILD_DIR/NAME that has the packages and can import the modules; does nothing where
# that is so already.
#
#   scripts/python-environment.sh NAME GROUP MODULES PACKAGE==VERSION...
#
# GROUP is that of scripts/deps.sh which brings what making one needs. Exits 69 where it cannot be made, and says why.
# BENCH_NO_INSTALL=1 forbids making it.
set -u

name=$1 group=$2 modules=$3
shift 3
environment=${BUILD_DIR:-.build}/$name
stamp=$environment/installed

# works: whether what is there is what is wanted, and can be imported.
works() {
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && "$environment/bin/python" -c "import $modules" 2>/dev/null
}

# give_up WHY
give_up() {
  echo "There is no Python environment for '$name': $1." >&2
  exit 69
}

wanted=$*
works && exit 0
[ -z "${BENCH_NO_INSTALL:-}" ] || give_up "$environment is missing or old, and BENCH_NO_INSTALL is set"
log=$(mktemp) || exit 70
trap 'rm -f "$log"' EXIT

echo "Making a Python environment in $environment: $wanted" >&2
rm -rf "$environment"
mkdir -p "$(dirname "$environment")"
# The system's own Python before others in PATH: it is the one that the system's packages are for.
for python in /usr/bin/python3 python3; do
  command -v "$python" >/dev/null 2>&1 && "$python" -m venv "$environment" >"$log" 2>&1 && break
done
if [ ! -x "$environment/bin/pip" ]; then
  cat "$log" >&2
  give_up "python3 cannot make one (\"scripts/deps.sh $group\" installs what it lacks)"
fi
if ! "$environment/bin/python" -m pip --disable-pip-version-check --retries 1 --timeout 30 install --quiet "$@" \
  >"$log" 2>&1; then
  tail -n 5 "$log" >&2
  give_up 'pip could not install (see above)'
fi
printf '%s\n' "$wanted" >"$stamp"
works || give_up "what was installed in $environment cannot be imported"
