#!/bin/sh
# Checks what deploy/ and .github/ offer to copy: workflows and pipelines against their published schemas
# (check-jsonschema, in a Python environment in $BUILD_DIR/deploy-check), units by systemd-analyze. Exits 1 where
# something is wrong, and 69 where something could not be checked, after all that could be.
#
# BENCH_NO_INSTALL=1 forbids making the environment.
set -u

environment=${BUILD_DIR:-.build}/deploy-check
status=0

work=$(mktemp -d) || exit 70
trap 'rm -rf "$work"' EXIT

# unchecked WHAT WHY
unchecked() {
  echo "deploy.sh: $1: not checked, because $2." >&2
  [ "$status" -ne 0 ] || status=69
}

# check_schema SCHEMA FILE...
check_schema() {
  schema=$1
  shift
  echo "check-jsonschema --builtin-schema $schema $*"
  "$environment/bin/python" -m check_jsonschema --builtin-schema "$schema" --quiet "$@" || status=1
}

if "$(dirname "$0")/python-environment.sh" deploy-check lint check_jsonschema check-jsonschema==0.33.0; then
  check_schema vendor.github-workflows .github/workflows/*.yml deploy/github/*.yml
  check_schema vendor.gitlab-ci deploy/gitlab/*.yml
else
  unchecked 'workflows and pipelines' 'that takes check-jsonschema (see above)'
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
