#!/bin/bash
# Dante, a process for each port; the rules are in danted.conf beside this script.
set -eu
. "$(dirname "$0")/../../lib.sh"

HERE=$(home dante)
DIR=$RUN/dante
DANTED=$PREFIX/proxies/usr/sbin/danted

[ -x "$DANTED" ] || missing "Dante is not installed (tests/interop/install.sh)"
[ "$(id -u)" = 0 ] || missing "Dante needs root"

# dante ROLE METHOD
dante() {
  render "$HERE/danted.conf" | sed "s/@PORT@/$(port dante "$1")/;s/@METHOD@/$2/" >"$DIR/$1.conf"
  launch "$DIR/$1.pid" "$DIR/$1.log" "$DANTED" -f "$DIR/$1.conf" -p "$DIR/$1.own"
}

rm -rf "$DIR"
mkdir -p "$DIR"
dante open none
dante password username
for role in open password; do await dante "$(port dante "$role")" listens; done
