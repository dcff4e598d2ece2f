#!/bin/bash
# Postfix with many ports, each with one trait (ports.txt); all the rest is in main.cf and master.cf beside this script.
set -eu
. "$(dirname "$0")/../lib.sh"

HERE=$INTEROP/postfix
DIR=$RUN/postfix
MASTER=$PREFIX/postfix/usr/lib/postfix/sbin/master
SASLPASSWD=$PREFIX/sasl/usr/sbin/saslpasswd2

[[ -x $MASTER && -x $SASLPASSWD ]] || missing "Postfix is not installed (tests/interop/install.sh)"
[ "$(id -u)" = 0 ] || missing "Postfix needs root"

# The queue as Postfix's own installer lays it out
make_spool() {
  local queue
  mkdir -p "$DIR/spool" "$DIR/data"
  chown "$OWNER" "$DIR/data"
  cd "$DIR/spool"
  for queue in active bounce corrupt defer deferred flush hold incoming private saved trace; do
    install -d -o "$OWNER" -m 700 "$queue"
  done
  install -d -m 755 pid
  install -d -o "$OWNER" -g "$DROP" -m 730 maildrop
  install -d -o "$OWNER" -g "$DROP" -m 710 public
}

make_users() {
  local database=$DIR/etc/sasl/sasldb2 name password
  while IFS=: read -r name password; do
    printf %s "$password" | "$SASLPASSWD" -p -c -f "$database" -u example.test "$name"
  done <"$HERE/passwd"
  chown "$OWNER" "$database"
}

configure() {
  local fingerprint name number plugins
  plugins=$(sasl_plugins)
  fingerprint=$(openssl x509 -in "$CA/client.crt" -noout -fingerprint -sha256)
  render "$HERE/main.cf" |
    sed "s/@MAIL_UID@/$(id -u "$MAIL")/;s/@MAIL_GID@/$(id -g "$MAIL")/;s/@CLIENT_FINGERPRINT@/${fingerprint#*=}/
         s|@SASL_PATH@|$plugins:$PREFIX/gssapi$plugins|" >etc/main.cf
  {
    render "$HERE/master.cf"
    rows certificate | while read -r name number; do
      echo "127.0.0.1:$number inet n - n - - smtpd"
      echo "  -o smtpd_tls_chain_files=$CA/$name.key,$CA/$name.chain"
    done
  } >etc/master.cf
  render "$HERE/sasl.conf" >etc/sasl/smtpd.conf
  render "$HERE/gssapi.conf" >etc/sasl/gssapi.conf
  # Postfix reads a file that has just been written over and over for two seconds, lest it change.
  touch -d '1 minute ago' etc/main.cf etc/master.cf
}

rm -rf "$DIR"
mkdir -p "$DIR/etc/sasl"
chmod 755 "$STATE" "$RUN" "$DIR"
cd "$DIR"
install -d -o "$MAIL" mail capture
install -m 755 "$INTEROP/capture.sh" . # the clone may be where only its owner can read
configure
make_users
make_spool
export LD_LIBRARY_PATH=$PREFIX/postfix/usr/lib/postfix
launch "$DIR/master.pid" "$DIR/master.log" "$MASTER" -c "$DIR/etc" -d # -d: stay in the foreground
await postfix "$(port postfix plain)"
