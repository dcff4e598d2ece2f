#!/bin/bash
# Tinyproxy, a process for each port. It leaves from 127.0.0.1, so it leads to this machine only.
set -eu
. "$(dirname "$0")/../../lib.sh"

DIR=$RUN/tinyproxy
TINYPROXY=$PREFIX/proxies/usr/bin/tinyproxy

[ -x "$TINYPROXY" ] || missing "Tinyproxy is not installed (tests/interop/install.sh)"

# tinyproxy ROLE [more lines of its configuration]
tinyproxy() {
  local role=$1
  shift
  printf '%s\n' "Port $(port tinyproxy "$role")" "Listen 127.0.0.1" "Bind 127.0.0.1" "Allow 127.0.0.1" "Timeout 60" \
    "LogLevel Info" "${as[@]}" "$@" >"$DIR/$role.conf" # no ConnectPort: CONNECT to any port
  launch "$DIR/$role.pid" "$DIR/$role.log" "$TINYPROXY" -d -c "$DIR/$role.conf" # -d: in the foreground
}

rm -rf "$DIR"
mkdir -p "$DIR"
as=()
if [ "$(id -u)" = 0 ]; then as=("User $MAIL" "Group $MAIL"); fi
tinyproxy open
tinyproxy password "BasicAuth $PROXYUSER $PROXYPASSWORD"
for role in open password; do await tinyproxy "$(port tinyproxy "$role")" listens; done
