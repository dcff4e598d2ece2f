#!/bin/bash
# Squid with both ports in one process; the rules are in squid.conf beside this script.
set -eu
. "$(dirname "$0")/../../lib.sh"

DIR=$RUN/squid
SQUID=$PREFIX/proxies/usr/sbin/squid

[ -x "$SQUID" ] || missing "Squid is not installed (tests/interop/install.sh)"
[ "$(id -u)" = 0 ] || missing "Squid needs root"

rm -rf "$DIR"
mkdir -p "$DIR"
chmod 755 "$STATE" "$RUN"
chown "$MAIL" "$DIR"
printf '%s:%s\n' "$PROXYUSER" "$(openssl passwd -apr1 "$PROXYPASSWORD")" >"$DIR/passwd"
render "$(home squid)/squid.conf" >"$DIR/squid.conf"
launch "$DIR/squid.pid" "$DIR/squid.log" "$SQUID" -N -f "$DIR/squid.conf" # -N: one process, in the foreground
await squid "$(port squid password)" listens
