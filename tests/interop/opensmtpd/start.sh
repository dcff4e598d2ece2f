#!/bin/bash
# OpenSMTPD has its folders compiled in. It gets them in a mount namespace of its own, so that the machine's stay as they are.
set -eu
. "$(dirname "$0")/../lib.sh"

DIR=$RUN/opensmtpd
UNPACKED=$PREFIX/opensmtpd

[ -x "$UNPACKED/usr/sbin/smtpd" ] || missing "OpenSMTPD is not installed (tests/interop/install.sh)"
[ "$(id -u)" = 0 ] || missing "OpenSMTPD needs root"
unshare --mount true 2>/dev/null || missing "OpenSMTPD needs a mount namespace, which this machine refuses"

rm -rf "$DIR"
mkdir -p "$DIR"
chmod 755 "$STATE" "$RUN" "$DIR"
install -d -o "$MAIL" -g "$MAIL" "$DIR/capture"
install -m 755 "$INTEROP/capture.sh" "$DIR"
render "$INTEROP/opensmtpd/smtpd.conf" >"$DIR/smtpd.conf"
# shellcheck disable=SC2016 # the inner shell's words
launch "$DIR/opensmtpd.pid" "$DIR/start.log" unshare --mount sh -eu -c '
  mount -t tmpfs tmpfs /var/spool && mkdir -m 711 /var/spool/smtpd
  mount -t tmpfs tmpfs /usr/libexec && cp -a "$1/usr/libexec/opensmtpd" /usr/libexec
  mount -t tmpfs tmpfs /run
  cd / && exec "$1/usr/sbin/smtpd" -d -f "$2/smtpd.conf"' - "$UNPACKED" "$DIR"
await opensmtpd "$(port opensmtpd plain)"
