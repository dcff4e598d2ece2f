#!/bin/sh
# deliver.sh USER: put the message on standard input into the user's maildir, beside this script. It appears at once.
set -eu
new=$(dirname "$0")/mail/example.test/$1/new
mkdir -p "$new"
file=$(mktemp "$new/../XXXXXXXXXX") || exit 75 # EX_TEMPFAIL: the server tries again
cat >"$file"
chmod 644 "$file"
mv "$file" "$new/"
