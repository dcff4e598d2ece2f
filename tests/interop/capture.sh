#!/bin/sh
# capture.sh FOLDER RECIPIENT...: keep the message on standard input and, beside it, its envelope: the sender ($SENDER),
# then the recipients, a line each. The message gets its final name last and at once: no reader sees half of one.
set -eu
folder=$1
shift
file=$(mktemp "$folder/XXXXXXXXXX") || exit 75 # EX_TEMPFAIL: the server tries again
printf '%s\n' "${SENDER-}" "$@" >"$file.env"
cat >"$file"
chmod 644 "$file" "$file.env"
mv "$file" "$file.eml"
