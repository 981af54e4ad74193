#!/bin/sh
# Fails with a remedy where a folder, or the nearest that exists above it, cannot be written.
#
#   scripts/writable.sh FOLDER
set -u

folder=$1
while [ ! -e "$folder" ]; do folder=$(dirname "$folder"); done
if [ ! -d "$folder" ] || [ ! -w "$folder" ]; then
  cat >&2 <<END
$folder cannot be written by $(id -un). Either
  make stage && sudo make install      build as yourself, copy as root (uninstall: sudo make uninstall)
  make install PREFIX=\$HOME/.local     keep it in your own home
END
  exit 77
fi
