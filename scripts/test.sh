#!/bin/sh
# Runs the tests. As root the privileged lane is required: a suite that needs root must run, and one
# that was skipped for want of privilege fails the lane. FILTER selects tests by regular expression.
set -u

swift=${SWIFT:-swift}
build=${BUILD_DIR:-.build}
log=$build/test.log
status=$build/test.status
# How long no test may begin or end; a test that waits for ever would keep the rest of the lane waiting, too.
silence=600

# Tests of the whole program use what was built for release: the worker that users measure with.
root=$(pwd)
case $build in /*) ;; *) build=$root/$build ;; esac
export BENCH_EXECUTABLE="$build/release/bench" BENCH_WORKER="$build/release/bench-worker"

# Without the first, tests in a browser are skipped, and fail as root; it says why itself. The same of the second, what
# reads exports. Both are a minute or two of downloading, for which the compiler does not wait.
BUILD_DIR=$build "$(dirname "$0")/browser.sh" &
browser=$!
BUILD_DIR=$build "$(dirname "$0")/readers.sh" &
readers=$!
export BENCH_BROWSER_PYTHON="$build/browser/bin/python" BENCH_READERS="$build/readers"

if [ "$(id -u)" -eq 0 ]; then
  export BENCH_REQUIRE_PRIVILEGED=1
  echo 'Testing as root: privileged suites (namespaces, links, whole runs) are required.'
else
  echo 'Testing without root: privileged suites will be skipped. To run them too:'
  # shellcheck disable=SC2016 # To be expanded where it is typed.
  echo '  sudo env "PATH=$PATH" make test'
fi

# What does not build is told again below, where it counts.
"$swift" build --scratch-path "$build" --build-tests </dev/null
wait "$browser" "$readers"

{
  "$(dirname "$0")/watched-tests.py" "$build/test.events" "$silence" "$build/test.hung" \
    "$swift" test --scratch-path "$build" --disable-xctest --event-stream-output-path "$build/test.events" \
    ${FILTER:+--filter "$FILTER"} 2>&1
  echo $? >"$status"
} </dev/null | tee "$log"
code=$(cat "$status")

last=$(grep -E '(Test run with .*(passed|failed) after)' "$log" | tail -n 1)
skipped=$(sed -n 's/^[^ ]* \(Test .* skipped\(: .*\)\{0,1\}\)$/\1/p' "$log")
# A test's failure and the lines that explain it ("↳ …", "+ …") stand where the test ran, thousands of lines above the
# end of a log of which CI may keep only that.
failed=$(awk '
  / recorded an issue/ { print; told = 12; next }
  /^(◇|✔|✘|➜)/ || told-- <= 0 { told = 0; next }
  { print "  " substr($0, 1, 500) }
' "$log")

if [ -n "$failed" ]; then
  echo
  echo 'Failed:'
  printf '%s\n' "$failed" | head -n 200 | sed 's/^/  /'
  printf '%s\n' "$last"
fi
if [ -n "$skipped" ]; then
  echo
  echo 'Skipped:'
  printf '%s\n' "$skipped" | sed 's/^/  /'
  printf '%s\n' "$last"
fi
if [ -n "${BENCH_REQUIRE_PRIVILEGED:-}" ] && printf '%s\n' "$skipped" | grep -qiE 'root|privileg|CAP_'; then
  echo 'The privileged lane was required, but tests above were skipped for want of privilege.'
  [ "$code" -ne 0 ] || code=1
fi
if [ -e "$build/test.hung" ]; then
  echo
  cat "$build/test.hung"
fi
# Runs of tests that were ended from outside have left what they made, and journals of it where no one looks for them.
if [ "$code" -ne 0 ]; then
  find "${TMPDIR:-/tmp}" -maxdepth 4 -path '*/bench-*' -name '*.journal' -exec dirname {} + 2>/dev/null | sort -u |
    while read -r journals; do BENCH_JOURNAL=$journals "$BENCH_EXECUTABLE" cleanup; done
fi
if [ "$code" -eq 130 ]; then
  echo 'Interrupted.'
  exit 130
fi
case $last in
  '' | *'with 0 tests'*)
    echo 'No test ran.'
    [ "$code" -ne 0 ] || code=1
    ;;
esac
exit "$code"
