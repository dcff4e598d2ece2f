#!/bin/bash
# Install the servers that the interop tests talk to. Needs root and apt (Debian, Ubuntu); anywhere else it names what
# is not there and leaves it at that, and the tests that need it are skipped. Running it again costs nothing.
#
# Mail servers conflict with one another as packages, so they are downloaded and unpacked side by side, not installed:
# the machine's own mail setup stays as it is, and nothing starts at boot.
set -eu
. "$(dirname "$0")/lib.sh"

LOG=$STATE/install.log
BESIDE="gcc libkrb5-dev openssl perl python3-dev python3-venv libsasl2-modules libsasl2-modules-db libnet-server-mail-perl"
BESIDE+=" strace" # it shows, and disturbs, what the queue asks of the system
STORES="libengine-pkcs11-openssl opensc putty-tools softhsm2" # what writes certificate stores, and a token of software
command -v keytool >/dev/null || STORES+=" default-jre-headless"
UNPACKED="postfix exim opensmtpd sasl proxies krb5 gssapi dovecot samba gsasl sendmail"

packages_of() {
  case $1 in
    postfix) echo postfix postfix-lmdb postfix-pcre ;;
    exim) echo exim4-base exim4-daemon-heavy exim4-config ;;
    opensmtpd) echo opensmtpd ;;
    sasl) echo sasl2-bin ;; # for saslpasswd2; installed, it would bring a daemon
    krb5) echo krb5-kdc krb5-admin-server krb5-user ;;
    gssapi) echo libsasl2-modules-gssapi-mit gss-ntlmssp ;; # for Cyrus SASL; NTLM as a mechanism of GSSAPI
    sendmail) echo sendmail-bin sendmail-base sendmail-cf m4 ;;
    dovecot) echo dovecot-core dovecot-submissiond dovecot-gssapi ;;
    samba) echo winbind samba-libs ;; # for ntlm_auth, with which Dovecot does NTLM
    gsasl) apt-cache depends gsasl | sed -n 's/^ *Depends: \(libgsasl[0-9]*\)$/\1/p' ;; # the name has a number in it
    proxies) echo dante-server microsocks squid squid-common squid-langpack tinyproxy-bin ;; # with the first, daemons too
  esac
}

# have PACKAGE...: all of them are installed
have() { ! dpkg-query -W -f '${db:Status-Status}\n' "$@" 2>&1 | grep -qvx installed; }

# unpacked NAME: it is, and its libraries are still installed
# shellcheck disable=SC2046
unpacked() { [ -e "$PREFIX/$1/libraries" ] && have $(cat "$PREFIX/$1/libraries"); }

# What the servers run as. Exim and OpenSMTPD have the names of their users compiled in, and the latter a folder.
COMPILED_IN="Debian-exim opensmtpd opensmtpq"
JAIL=/var/lib/opensmtpd/empty

# shellcheck disable=SC2086
have_users() {
  getent passwd "$OWNER" "$MAIL" "$PROXYUSER" $COMPILED_IN >/dev/null && getent group "$DROP" >/dev/null && [ -d "$JAIL" ]
}

make_users() {
  local name
  getent group "$DROP" >/dev/null || groupadd --system "$DROP"
  mkdir -p "$JAIL"
  for name in "$OWNER" "$MAIL" $COMPILED_IN; do
    getent passwd "$name" >/dev/null ||
      useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$name"
  done
  # Dante asks the machine itself for passwords. As everybody knows this one, the account has expired: Dante does not
  # mind, and nobody else lets it in. An account of that name that was there before is left as it is.
  getent passwd "$PROXYUSER" >/dev/null && return
  useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$PROXYUSER"
  usermod --expiredate 2000-01-01 "$PROXYUSER"
  echo "$PROXYUSER:$PROXYPASSWORD" | chpasswd
}

# absent: a word for each part that is not there
absent() {
  local name
  # shellcheck disable=SC2086
  have $BESIDE || echo oldverbs
  # shellcheck disable=SC2086
  have $STORES || echo stores
  for name in $UNPACKED; do unpacked "$name" || echo "$name"; done
  have_users || echo users
}

# libraries DEB...: the libraries it depends on, under the names that this release gives them
libraries() {
  local deb
  for deb in "$@"; do dpkg-deb -f "$deb" Depends; done |
    tr ',' '\n' | sed 's/|.*//; s/([^)]*)//; s/:any//; s/ //g' | grep '^lib' | sort -u
}

add() { apt-get -o DPkg::Lock::Timeout=120 install -y -q --no-install-recommends --no-upgrade "$@"; }

# unpack NAME: its packages into $PREFIX/NAME
unpack() {
  local deb folder=$PREFIX/$1 debs=$STATE/debs
  rm -rf "$folder" "$debs"
  mkdir -p "$folder" "$debs"
  chown _apt "$debs" 2>/dev/null || true # apt gives up root to download
  # shellcheck disable=SC2046
  (cd "$debs" && apt-get download -q $(packages_of "$1"))
  for deb in "$debs"/*.deb; do dpkg -x "$deb" "$folder"; done
  # Nobody but root runs these, so nobody needs to become root (or a group) by running them.
  find "$folder" -type f -perm /6000 -exec chmod ug-s {} +
  libraries "$debs"/*.deb >"$debs/libraries"
  # shellcheck disable=SC2046
  add $(cat "$debs/libraries")
  mv "$debs/libraries" "$folder/libraries" # last: it says that all went well
  rm -rf "$debs"
}

if ! { command -v apt-get && command -v dpkg-query; } >/dev/null; then
  say "interop servers not installed: ${SERVERS// /, } (this needs root on Debian or Ubuntu)"
  exit 0
fi
lacking=$(absent | paste -sd ' ')
if [ -z "$lacking" ]; then exit 0; fi
if [ "$(id -u)" != 0 ]; then
  say "interop servers not installed: ${lacking// /, } (run $INTEROP/install.sh as root)"
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
mkdir -p "$PREFIX"
chmod 755 "$STATE" "$PREFIX"
say "installing interop servers in $STATE"
exec 9>"$STATE/lock"
flock 9
exec 3>&2 >"$LOG" 2>&1
trap '[ $? = 0 ] || tail -n 20 "$LOG" >&3' EXIT
apt-get update -q
# shellcheck disable=SC2086
have $BESIDE || add $BESIDE
# shellcheck disable=SC2086
have $STORES || add $STORES
have_users || make_users
for name in $UNPACKED; do unpacked "$name" || unpack "$name"; done
