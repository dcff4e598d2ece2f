#!/bin/bash
# Postfix's smtp-sink, a process for each role. Tests that want it to fail start their own (Sink.failing in servers.py).
set -eu
. "$(dirname "$0")/../lib.sh"

DIR=$RUN/sink
SINK=$PREFIX/postfix/usr/sbin/smtp-sink
BACKLOG=256

[ -x "$SINK" ] || missing "smtp-sink is not installed (tests/interop/install.sh)"

# sink ROLE [options of smtp-sink]
sink() {
  local role=$1
  shift
  launch "$DIR/$role.pid" "$DIR/$role.log" "$SINK" "${user[@]}" -h sink.example.test "$@" "127.0.0.1:$(port sink "$role")" "$BACKLOG"
}

rm -rf "$DIR"
mkdir -p "$DIR/capture"
cd "$DIR/capture" # where -d writes
user=()
if [ "$(id -u)" = 0 ]; then # smtp-sink will not run as root
  user=(-u "$MAIL")
  chown "$MAIL" .
fi
export LD_LIBRARY_PATH=$PREFIX/postfix/usr/lib/postfix
sink plain -d message.
sink discard
sink helo -e
sink lmtp -L
for role in plain discard helo lmtp; do await sink "$(port sink "$role")"; done
