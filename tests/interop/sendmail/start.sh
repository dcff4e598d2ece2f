#!/bin/bash
# Sendmail with Cyrus SASL. Its tables and configuration are made from the files beside this script.
set -eu
. "$(dirname "$0")/../lib.sh"

HERE=$INTEROP/sendmail
DIR=$RUN/sendmail
BIN=$PREFIX/sendmail/usr/libexec/sendmail
SASLPASSWD=$PREFIX/sasl/usr/sbin/saslpasswd2

[[ -x $BIN/sendmail && -x $SASLPASSWD && -d $PREFIX/gssapi ]] || missing "Sendmail is not installed (tests/interop/install.sh)"
[ "$(id -u)" = 0 ] || missing "Sendmail needs root"
unshare --uts --mount true 2>/dev/null || missing "Sendmail needs a machine that can mount and name itself (unshare)"

make_users() {
  local database=$DIR/etc/sasl2/sasldb2 name password
  while IFS=: read -r name password; do
    printf %s "$password" | "$SASLPASSWD" -p -c -f "$database" -u example.test "$name"
  done <"$HERE/passwd"
}

configure() {
  local table
  render "$HERE/sendmail.mc" | "$PREFIX/sendmail/usr/bin/m4" - >sendmail.cf
  render "$HERE/sasl.conf" >etc/sasl2/Sendmail.conf
  render "$INTEROP/krb5/krb5.conf" >etc/krb5.conf
  printf '%s files\n' hosts aliases passwd >service.switch
  for table in access mailers virtusers; do "$BIN/makemap" -C sendmail.cf hash "$table" <"$HERE/$table"; done
  cp "$HERE/aliases" aliases
  cat "$CA/root.pem" "$CA/inter.crt" >ca.pem
  install -m 600 "$CA/good.key" server.key
}

# Sendmail waits a minute where the machine's name has no dot in it, and Cyrus SASL looks for plugins and settings in its
# compiled-in places alone, as sendmail clears the environment. So it runs where the machine's name and these two are others.
make_world() {
  local plugins
  plugins=$(sasl_plugins)
  printf '127.0.0.1 localhost mail.example.test\n::1 localhost mail.example.test\n' >etc/hosts
  printf 'hosts: files\n' >etc/nsswitch.conf
  cat <<END >world.sh
set -e
hostname mail.example.test
mount -t overlay overlay -o lowerdir=$DIR/etc:/etc /etc
mount -t overlay overlay -o lowerdir=$PREFIX/gssapi$plugins:$plugins $plugins
exec "\$@"
END
}

rm -rf "$DIR"
mkdir -p "$DIR"/{etc/sasl2,queue}
chmod 755 "$STATE" "$RUN" "$DIR"
cd "$DIR"
chmod 700 queue
install -d -o "$MAIL" mail capture
install -m 755 "$INTEROP/capture.sh" "$HERE/deliver.sh" .
configure
make_users
make_world
world=(unshare --uts --mount sh "$DIR/world.sh")
"${world[@]}" "$BIN/sendmail" -C "$DIR/sendmail.cf" -bi >aliases.log
launch "$DIR/sendmail.pid" "$DIR/sendmail.log" "${world[@]}" "$BIN/sendmail" -C "$DIR/sendmail.cf" -bD # -bD: in the foreground
await sendmail "$(port sendmail plain)"
