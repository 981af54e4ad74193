#!/bin/sh
# Checks what deploy/ and .github/ offer to copy: workflows and pipelines against their published schemas
# (check-jsonschema, in a Python environment in $BUILD_DIR/deploy-check), units by systemd-analyze. Exits 1 where
# something is wrong, and 69 where something could not be checked, after all that could be.
#
# BENCH_NO_INSTALL=1 forbids making the environment.
set -u

build=${BUILD_DIR:-.build}
environment=$build/deploy-check
wanted='check-jsonschema==0.33.0'
stamp=$environment/installed
status=0

work=$(mktemp -d) || exit 70
trap 'rm -rf "$work"' EXIT

# unchecked WHAT WHY
unchecked() {
  echo "deploy.sh: $1: not checked, because $2." >&2
  [ "$status" -ne 0 ] || status=69
}

# works: whether what is there is what is wanted, and starts.
works() {
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] &&
    "$environment/bin/python" -c 'import check_jsonschema' 2>/dev/null
}

# make_environment: says why it cannot on stdout.
make_environment() {
  works && return
  if [ -n "${BENCH_NO_INSTALL:-}" ]; then
    echo "$environment is missing or old, and BENCH_NO_INSTALL is set"
    return 1
  fi
  echo "Making a Python environment in $environment: $wanted" >&2
  mkdir -p "$build"
  rm -rf "$environment"
  # The system's own Python before others in PATH: it is the one that the system's packages are for.
  for python in /usr/bin/python3 python3; do
    command -v "$python" >/dev/null 2>&1 && "$python" -m venv "$environment" >"$work/log" 2>&1 && break
  done
  if [ ! -x "$environment/bin/pip" ]; then
    echo 'python3 cannot make an environment ("scripts/deps.sh lint" installs what it lacks)'
    return 1
  fi
  if ! "$environment/bin/python" -m pip --disable-pip-version-check --retries 1 --timeout 30 install --quiet \
    "$wanted" >"$work/log" 2>&1; then
    tail -n 5 "$work/log" >&2
    echo 'pip could not install check-jsonschema (see above)'
    return 1
  fi
  printf '%s\n' "$wanted" >"$stamp"
  works || { echo "what was installed in $environment cannot be imported"; return 1; }
}

# check_schema SCHEMA FILE...
check_schema() {
  schema=$1
  shift
  echo "check-jsonschema --builtin-schema $schema $*"
  "$environment/bin/python" -m check_jsonschema --builtin-schema "$schema" --quiet "$@" || status=1
}

if why=$(make_environment); then
  check_schema vendor.github-workflows .github/workflows/*.yml deploy/github/*.yml
  check_schema vendor.gitlab-ci deploy/gitlab/*.yml
else
  unchecked 'workflows and pipelines' "$why"
fi

# The units as they are, but for the path of a program that need not be installed here. What systemd-analyze says, be it
# a warning that leaves its exit code 0, is a fault.
if command -v systemd-analyze >/dev/null 2>&1; then
  echo 'systemd-analyze verify deploy/systemd/*'
  printf '#!/bin/sh\n' >"$work/bench"
  chmod 755 "$work/bench"
  for unit in deploy/systemd/*.service deploy/systemd/*.timer; do
    sed "s|/usr/local/bin/bench|$work/bench|" "$unit" >"$work/$(basename "$unit")"
  done
  SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no --recursive-errors=no \
    "$work/bench-nightly.service" "$work/bench-nightly.timer" >"$work/said" 2>&1 || status=1
  if [ -s "$work/said" ]; then
    cat "$work/said" >&2
    status=1
  fi
else
  unchecked 'units' 'there is no systemd-analyze ("scripts/deps.sh lint" installs it)'
fi

exit "$status"
