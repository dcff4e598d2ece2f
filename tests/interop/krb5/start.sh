#!/bin/bash
# MIT Kerberos with the realm EXAMPLE.TEST: alice and bob with their passwords, a keytab for smtp/localhost and one for
# alice. Programs find it by KRB5_CONFIG=$RUN/krb5/krb5.conf.
set -eu
. "$(dirname "$0")/../lib.sh"

DIR=$RUN/krb5
BIN=$PREFIX/krb5/usr/sbin

[ -x "$BIN/krb5kdc" ] || missing "The KDC is not installed (tests/interop/install.sh)"
[ "$(id -u)" = 0 ] || missing "The KDC needs root"

admin() { "$BIN/kadmin.local" -q "$*"; }

rm -rf "$DIR"
mkdir -p "$DIR"
chmod 755 "$STATE" "$RUN" "$DIR"
cd "$DIR"
plugins=$(dirname "$(find "$PREFIX/krb5" -name db2.so | head -n 1)")
render "$INTEROP/krb5/krb5.conf" >krb5.conf
render "$INTEROP/krb5/kdc.conf" | sed "s|@PLUGINS@|$plugins|" >kdc.conf
export KRB5_CONFIG=$DIR/krb5.conf KRB5_KDC_PROFILE=$DIR/kdc.conf
{
  "$BIN/kdb5_util" create -s -r EXAMPLE.TEST -P masterpw
  while IFS=: read -r name password; do admin "addprinc -pw $password $name"; done <"$INTEROP/krb5/passwd"
  admin "addprinc -randkey smtp/localhost"
  admin "ktadd -k $DIR/smtp.keytab -norandkey smtp/localhost"
  admin "ktadd -k $DIR/alice.keytab -norandkey alice"
} >setup.log 2>&1
chmod 644 ./*.keytab # the keys open nothing but these tests
launch "$DIR/kdc.pid" "$DIR/kdc.log" "$BIN/krb5kdc" -n -r EXAMPLE.TEST
await krb5 "$(port krb5 kdc)" listens
