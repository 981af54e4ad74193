#!/bin/sh
# Runs a command of bench for make, as root where that takes no password, and says in a sentence what
# an exit code other than 0 means. "Inconclusive" is an honest end of a run, not a failure of make's.
#
#   scripts/run.sh BENCH ARGUMENT...
set -u

# An interrupt is for bench, which cleans up; this script waits for it to end.
trap : INT

if [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  echo 'Network namespaces take root: running bench with sudo.' >&2
  sudo -n env ${NO_COLOR:+"NO_COLOR=$NO_COLOR"} ${BENCH_STORE:+"BENCH_STORE=$BENCH_STORE"} "$@"
  code=$?
  # The reports belong to who asked for them.
  sudo -n chown -R "$(id -u):$(id -g)" reports
else
  "$@"
  code=$?
fi

case $code in
  0) exit 0 ;;
  1) meaning='a gate failed.' ;;
  3)
    echo 'Exit 3, inconclusive: the run is complete and its reports are good, but for some claims there is no' >&2
    echo 'verdict; each says why. PROFILE=standard, or a quieter host, may decide them.' >&2
    exit 0
    ;;
  69) meaning="this host lacks something; \"$1 doctor\" says what, and what mends it." ;;
  77) meaning="not permitted. Run the rest as root: sudo $*" ;;
  130) meaning='interrupted; finished trials were kept.' ;;
  *) meaning='bench failed; its message is above.' ;;
esac
echo "Exit $code: $meaning" >&2
exit "$code"
