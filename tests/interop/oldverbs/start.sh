#!/bin/bash
# A small server with the verbs of RFC 821 that nobody offers any more.
set -eu
. "$(dirname "$0")/../lib.sh"

DIR=$RUN/oldverbs

perl -MNet::Server::Mail::ESMTP -e 1 2>/dev/null || missing "Perl's Net::Server::Mail is not installed (tests/interop/install.sh)"

rm -rf "$DIR"
mkdir -p "$DIR/capture"
launch "$DIR/perl.pid" "$DIR/perl.log" perl "$INTEROP/oldverbs/server.pl" "$(port oldverbs plain)" "$DIR/capture"
await oldverbs "$(port oldverbs plain)"
