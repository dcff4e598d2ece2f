#!/bin/bash
# Make the certificates of the tests in $CA: root -> inter -> leaf. A leaf has NAME.key, NAME.crt and NAME.chain (what a
# server sends). Nothing happens when they were made by this same script. The keys are worthless and readable by everyone,
# because the servers give up root before they read some of them.
set -eu
. "$(dirname "$0")/../lib.sh"

CONFIG=$INTEROP/ca/ca.cnf
PASSWORD=testpass # of the encrypted client keys
NAMES=DNS:localhost,DNS:mail.example.test,DNS:smtp.example.test,DNS:mx.example.test,IP:127.0.0.1,IP:::1
LONG_AGO=(-startdate 20200101000000Z -enddate 20210101000000Z)
FAR_AHEAD=(-startdate 20450101000000Z -enddate 20460101000000Z)

# openssl talks while it works: keep that for the moment it fails
quietly() { "$@" 2>openssl.log || { cat openssl.log >&2; exit 1; }; }

# new_key FILE KIND
new_key() {
  case $2 in
    rsa*) quietly openssl genrsa -out "$1" "${2#rsa}" ;;
    ec) quietly openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" ;;
    ed25519) quietly openssl genpkey -algorithm ED25519 -out "$1" ;;
  esac
}

# self_signed NAME KIND COMMON_NAME EXTENSIONS
self_signed() {
  new_key "$1.key" "$2"
  quietly openssl req -x509 -config "$CONFIG" -extensions "$4" -key "$1.key" -out "$1.crt" -subj "/O=SMTP tests/CN=$3" -days 3650
}

# issued NAME KIND COMMON_NAME EXTENSIONS ISSUER [options of openssl ca]
issued() {
  local name=$1 issuer=$5
  new_key "$name.key" "$2"
  quietly openssl req -new -config "$CONFIG" -key "$name.key" -subj "/O=SMTP tests/CN=$3" -out "$name.csr"
  DB=$issuer.db quietly openssl ca -batch -notext -config "$CONFIG" -cert "$issuer.crt" -keyfile "$issuer.key" \
    -extensions "$4" -in "$name.csr" -out "$name.crt" "${@:6}"
  case $issuer in
    inter) cat "$name.crt" inter.crt >"$name.chain" ;;
    *) cp "$name.crt" "$name.chain" ;;
  esac
}

make_servers() {
  export SAN=$NAMES
  issued good rsa2048 localhost server inter
  issued good-ec ec localhost server inter
  issued good-ed ed25519 localhost server inter
  issued expired ec localhost server inter "${LONG_AGO[@]}"
  issued notyet ec localhost server inter "${FAR_AHEAD[@]}"
  issued weakkey rsa1024 localhost server inter
  issued sha1 rsa2048 localhost server inter -md sha1
  issued wrongeku ec localhost codesign inter
  issued nosan ec localhost nosan inter
  issued revoked ec localhost server inter
  issued unknownca ec localhost server other
  issued noint ec localhost server inter
  cp noint.crt noint.chain
  self_signed selfsigned ec localhost server
  cp selfsigned.crt selfsigned.chain
  SAN=DNS:wrong.example.org issued wronghost ec wrong.example.org server inter
  SAN='DNS:*.example.test' issued wildcard ec '*.example.test' server inter
  SAN=DNS:xn--bcher-kva.example,DNS:localhost issued idn ec idn server inter
}

make_clients() {
  export SAN=email:alice@example.test
  issued client rsa2048 alice client inter
  issued client-expired ec alice client inter "${LONG_AGO[@]}"
  SAN=email:bob@example.test issued client-ec ec bob client inter
  SAN=email:mallory@example.org issued client-unknownca ec mallory client other
}

# the client's key and certificate in the shapes that people have them in
make_shapes() {
  local pfx=(openssl pkcs12 -export -name alice -inkey client.key -in client.crt -certfile inter.crt)
  cat client.key client.chain >client.combined.pem
  quietly openssl pkcs8 -topk8 -in client.key -out client.encrypted.key -v2 aes-256-cbc -passout pass:$PASSWORD
  quietly openssl rsa -traditional -in client.key -out client.traditional.key
  quietly openssl x509 -in client.crt -outform DER -out client.der
  quietly openssl pkey -in client.key -outform DER -out client.key.der
  quietly "${pfx[@]}" -out client.pfx -passout pass:$PASSWORD
  quietly "${pfx[@]}" -out client.nopassword.pfx -passout pass:
  quietly "${pfx[@]}" -legacy -out client.legacy.pfx -passout pass:$PASSWORD # RC2 and 3DES, as Windows wrote it for years
}

make_crls() {
  local issuer
  DB=inter.db quietly openssl ca -config "$CONFIG" -cert inter.crt -keyfile inter.key -revoke revoked.crt
  for issuer in root inter; do
    DB=$issuer.db quietly openssl ca -config "$CONFIG" -cert $issuer.crt -keyfile $issuer.key -gencrl -out $issuer.crl
  done
  cat root.crl inter.crl >crl.pem
  cat root.crt crl.pem >root+crl.pem
}

made_from=$(cat "$0" "$CONFIG" | sha256sum)
if [ "$(cat "$CA/made-from" 2>/dev/null)" = "$made_from" ]; then exit 0; fi
say "making certificates"
rm -rf "$CA"
mkdir -p "$CA"
cd "$CA"
for issuer in root inter other; do mkdir $issuer.db.certs; : >$issuer.db; done
export SAN=$NAMES DB=root.db
self_signed root rsa3072 "Test Root CA" authority
self_signed other ec "Some Other CA" authority
issued inter rsa2048 "Test Intermediate CA" authority root
make_servers
make_clients
make_shapes
make_crls
cp root.crt root.pem # the name under which trust anchors are usually sought
mkdir capath
cp root.crt capath/root.pem
quietly openssl rehash capath
rm -rf ./*.csr ./*.db* openssl.log
chmod -R a+rX .
echo "$made_from" >made-from
