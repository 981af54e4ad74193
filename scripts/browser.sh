#!/bin/sh
# Makes the Python environment in which tests look at reports in Chromium, in $BUILD_DIR/browser: Playwright, which
# drives the browser that the system's package brought (none is downloaded), and axe-core. Does nothing where it is
# there. Exits 69 where it cannot be made, and says why. BENCH_NO_INSTALL=1 forbids making it.
set -u

"$(dirname "$0")/python-environment.sh" browser test 'axe_playwright_python.sync_playwright, playwright.sync_api' \
  playwright==1.65.2 axe-playwright-python==0.1.8 || {
  code=$?
  echo 'browser.sh: reports are not looked at in a browser.' >&2
  exit "$code"
}
