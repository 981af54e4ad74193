#!/bin/sh
# Writes the manual page: commands and options as the program itself describes them (by
# swift-argument-parser's generator), then the sections of manpage.mdoc, which it cannot know.
#
#   scripts/manpage.sh BENCH OUTPUT
set -eu

bench=$1
output=$2
swift=${SWIFT:-swift}
build=${BUILD_DIR:-.build}
date=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%F)

# The plugin itself would build every product anew without the static runtime. Asked for help it
# builds the generator alone, which is then called directly.
log=$build/manpage.log
if ! "$swift" package --scratch-path "$build" --allow-writing-to-package-directory generate-manual --help \
  >"$log" 2>&1 </dev/null; then
  tail -n 20 "$log" >&2
  exit 70
fi
generator=$(find "$build" -type f -name 'generate-manual*' -perm -u+x | head -n 1)
if [ -z "$generator" ]; then
  echo "manpage.sh: swift-argument-parser's generate-manual was built, but not found under $build" >&2
  exit 70
fi

# Its own last section says only that failure is not 0.
{
  "$generator" "$bench" --date "$date" --output-directory - | sed '/^\.Sh "EXIT STATUS"$/,$d'
  cat "$(dirname "$0")/manpage.mdoc"
} >"$output.new"
mv "$output.new" "$output"
