#!/bin/bash
# down.sh [NAME...]: stop these servers (default: all) with everything they have forked.
set -eu
. "$(dirname "$0")/lib.sh"

names=${*:-$SERVERS}
[ -d "$RUN" ] || exit 0
exec 9>"$STATE/lock"
flock 9
for name in $names; do
  if [ -x "$(home "$name")/stop.sh" ]; then "$(home "$name")/stop.sh"; fi
done
