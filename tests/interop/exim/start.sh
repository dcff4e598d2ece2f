#!/bin/bash
# Exim, built with GnuTLS as Debian has it; its configuration, passwords and aliases are the files beside this script.
set -eu
. "$(dirname "$0")/../lib.sh"

DIR=$RUN/exim
EXIM=$PREFIX/exim/usr/sbin/exim4

[ -x "$EXIM" ] || missing "Exim is not installed (tests/interop/install.sh)"
[ "$(id -u)" = 0 ] || missing "Exim needs root"

rm -rf "$DIR"
mkdir -p "$DIR"
chmod 755 "$STATE" "$RUN" "$DIR"
install -d -o Debian-exim -g Debian-exim "$DIR"/{spool,log,mail,capture}
install -m 755 "$INTEROP/capture.sh" "$DIR"
install -m 644 "$INTEROP"/exim/{passwd,aliases} "$DIR"
shown=$(rows exim_certificate | while read -r name number; do printf 'port%s=%s ' "$number" "$name"; done)
interfaces=$(rows exim_certificate | while read -r _ number; do printf '; 127.0.0.1.%s ' "$number"; done)
render "$INTEROP/exim/exim.conf" |
  sed -e "s|@CERTIFICATES@|$shown|;s|@CERTIFICATE_INTERFACES@|$interfaces|" >"$DIR/exim.conf"
launch "$DIR/exim.pid" "$DIR/start.log" "$EXIM" -C "$DIR/exim.conf" -bdf -q1h # -bdf: a daemon in the foreground
await exim "$(port exim plain)"
