#!/bin/bash
# up.sh [NAME...]: start these servers (default: all), and make the certificates first. A server that is up stays up,
# unless its files here have changed since and no tests are using it: then it is started again.
# Exit code 3: not all of them can run here (not installed, or not root); each such server is named.
set -eu
. "$(dirname "$0")/lib.sh"

names=${*:-$SERVERS}
owner=${POSTWRIGHT_INTEROP_OWNER:-hand}

# fingerprint SERVER: changes with anything that the running server was made from
fingerprint() {
  { cat "$INTEROP"/{lib.sh,ports.txt,capture.sh} "$(home "$1")"/* "$CA/root.pem"; echo "$PORTS_FROM"; } | sha256sum
}

# in_use SERVER: test runs hold a shared lock on this file while they use a server
in_use() { ! flock --nonblock --exclusive "$STATE/$1.lease" true; }

# current SERVER: up, and as its files here say
current() {
  up "$1" || return 1
  [ "$(cat "$RUN/$1/fingerprint" 2>/dev/null)" = "$(fingerprint "$1")" ] && return
  in_use "$1" && say "$1 is in use by other tests, and keeps its old configuration"
}

bring_up() {
  local name=$1
  if current "$name"; then
    # What someone starts by hand stays up until down.sh; the tests end only what the tests began.
    if [ "$owner" = hand ]; then echo hand >"$RUN/$name/owner"; fi
    return
  fi
  "$(home "$name")/stop.sh" && "$(home "$name")/start.sh" || return
  fingerprint "$name" >"$RUN/$name/fingerprint"
  echo "$owner" >"$RUN/$name/owner"
}

# all_there: nothing to do, which is all that a user without rights on the folder can hope for
all_there() {
  local name
  [ -e "$CA/made-from" ] || return 1
  for name in $names; do [ "$name" = ca ] || up "$name" || return 1; done
}

for name in $names; do
  case " ca $SERVERS " in *" $name "*) ;; *) say "no such server: $name (there are: $SERVERS)"; exit 2 ;; esac
done
[ "$(uname)" = Linux ] || missing "$names: these run on Linux only"
if ! { mkdir -p "$RUN" && [ -w "$RUN" ]; } 2>/dev/null; then
  all_there && exit 0
  missing "$names: this user can't write to $STATE (be root, or set POSTWRIGHT_INTEROP)"
fi
exec 9>"$STATE/lock"
flock 9 # one at a time: two test runs may begin together
"$INTEROP/ca/make-ca.sh"
code=0
for name in $names; do
  if [ "$name" != ca ]; then bring_up "$name" || code=$?; fi
done
exit "$code"
