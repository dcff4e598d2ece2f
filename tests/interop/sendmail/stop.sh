#!/bin/bash
set -eu
. "$(dirname "$0")/../lib.sh"

halt sendmail
