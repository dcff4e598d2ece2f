#!/bin/bash
# Dovecot as a submission server. Its paths are compiled in, so it runs where its unpacked /usr lies over the machine's.
set -eu
. "$(dirname "$0")/../lib.sh"

HERE=$INTEROP/dovecot
DIR=$RUN/dovecot
UNPACKED=$PREFIX/dovecot/usr

[ -x "$UNPACKED/sbin/dovecot" ] || missing "Dovecot is not installed (tests/interop/install.sh)"
[ "$(id -u)" = 0 ] || missing "Dovecot needs root"
OVER="mount -t overlay overlay -o lowerdir=$UNPACKED:/usr /usr"
unshare --mount bash -c "$OVER" 2>/dev/null || missing "Dovecot needs a machine that can mount (overlay)"

# The issuer of tokens signs with issuer.key; Dovecot knows the public key by its id.
make_keys() {
  mkdir -p keys/default/RS256
  openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out issuer.key 2>/dev/null ||
    openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out issuer.key 2>/dev/null
  openssl pkey -in issuer.key -pubout -out keys/default/RS256/test
}

# NTLM goes through a program of Samba's, which may not be there.
make_ntlm() {
  ntlm=
  [ -x "$PREFIX/samba/usr/bin/ntlm_auth" ] || return 0
  ntlm=ntlm
  install -d -m 700 samba
  libraries=$(find "$PREFIX/samba/usr/lib" -name '*.so*' -printf '%h\n' | sort -u | paste -sd :)
  render "$HERE/smb.conf" >smb.conf
  render "$HERE/ntlm_helper" | sed "s|@SAMBA@|$libraries|" >ntlm_helper
  chmod 755 ntlm_helper
}

rm -rf "$DIR"
mkdir -p "$DIR"/{run,state}
chmod 755 "$STATE" "$RUN" "$DIR"
cd "$DIR"
install -d -o "$MAIL" mail
install -m 644 "$HERE/passwd" "$HERE/admins" .
make_keys
make_ntlm
render "$HERE/oauth2.conf" >oauth2.conf
render "$HERE/dovecot.conf" | sed "s/@NTLM@/$ntlm/" >dovecot.conf
launch "$DIR/dovecot.pid" "$DIR/stdout.log" unshare --mount bash -c "$OVER && exec /usr/sbin/dovecot -F -c $DIR/dovecot.conf"
await dovecot "$(port dovecot plain)"
