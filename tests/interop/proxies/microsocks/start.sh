#!/bin/bash
# microsocks, a process for each port. It leaves from 127.0.0.1, so it leads to this machine only.
set -eu
. "$(dirname "$0")/../../lib.sh"

DIR=$RUN/microsocks
MICROSOCKS=$PREFIX/proxies/usr/bin/microsocks

[ -x "$MICROSOCKS" ] || missing "microsocks is not installed (tests/interop/install.sh)"

# microsocks ROLE [options of microsocks]
microsocks() {
  local role=$1
  shift
  launch "$DIR/$role.pid" "$DIR/$role.log" "${as[@]}" "$MICROSOCKS" -i 127.0.0.1 -b 127.0.0.1 -p "$(port microsocks "$role")" "$@"
}

rm -rf "$DIR"
mkdir -p "$DIR"
as=()
if [ "$(id -u)" = 0 ]; then as=(setpriv "--reuid=$MAIL" "--regid=$MAIL" --clear-groups); fi
microsocks open
microsocks password -u "$PROXYUSER" -P "$PROXYPASSWORD"
for role in open password; do await microsocks "$(port microsocks "$role")" listens; done
