# shellcheck shell=bash disable=SC2034 # some of this is used only by the scripts that source it
# What every script here shares: places, ports, and the life of a background process.
# Nothing here searches for processes by name: a process is ours when its pid and its start time are those in a pid file.

INTEROP=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STATE=${POSTWRIGHT_INTEROP:-/var/lib/postwright-interop}
PREFIX=$STATE/prefix # packages that conflict as packages, each unpacked in a folder of its own
CA=$STATE/ca         # certificates
RUN=$STATE/run       # a folder for each server: generated configuration, pid files, logs, mail

PROXIES="dante microsocks squid tinyproxy"
SERVERS="postfix exim opensmtpd sink oldverbs krb5 dovecot sendmail $PROXIES"
PORTS_FROM=${POSTWRIGHT_INTEROP_PORTS:-20000}
OWNER=postwright-mta  # runs Postfix
DROP=postwright-drop  # Postfix insists on a group of its own for its maildrop
MAIL=postwright-mail  # owns delivered mail
PROXYUSER=proxyuser   # may use the proxies' password ports, with PROXYPASSWORD; a user of this machine, for dante
PROXYPASSWORD=proxypw
MISSING=3             # exit code: "this can't run here", as opposed to "this should run and does not"

say() { printf '%s\n' "$*" >&2; }
missing() { say "$*"; exit "$MISSING"; }

# home SERVER: the folder of its scripts
home() {
  case " $PROXIES " in
    *" $1 "*) echo "$INTEROP/proxies/$1" ;;
    *) echo "$INTEROP/$1" ;;
  esac
}

# --- ports ---------------------------------------------------------------------------------------

# rows SERVER: "role port" for each of its lines in ports.txt
rows() {
  local server role offset _
  while read -r server role offset _; do
    if [ "$server" = "$1" ]; then echo "$role $((PORTS_FROM + offset))"; fi
  done <"$INTEROP/ports.txt"
}

# port SERVER ROLE
port() { rows "$1" | while read -r role number; do if [ "$role" = "$2" ]; then echo "$number"; fi; done; }

has_ipv6() { grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6 2>/dev/null; }

# render FILE: a configuration template with @CA@, @PREFIX@, @RUN@, @MAIL@ ... and @SERVER.ROLE@ (a port) filled in
render() {
  local name server role number script=
  for name in CA PREFIX RUN OWNER DROP MAIL; do script+="s|@$name@|${!name}|g;"; done
  for server in $SERVERS; do
    while read -r role number; do script+="s|@$server.$role@|$number|g;"; done < <(rows "$server")
  done
  has_ipv6 || script+='/::1/d' # templates keep what listens on ::1 on lines of their own
  sed -e "$script" "$1"
}

# sasl_plugins: the folder in which Cyrus SASL looks for its mechanisms
sasl_plugins() { dirname "$(find /usr/lib -path '*/sasl2/libsasldb.so' | head -n 1)"; }

# --- processes -----------------------------------------------------------------------------------

# stat_of PID: fills `fields` with its state, parent, group, session, ... from /proc/PID/stat, all that follows the name
# (which may contain blanks); fails for a dead process or a zombie
stat_of() {
  local line
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -r -a fields <<<"${line##*) }"
  [ "${fields[0]}" != Z ]
}

# born PID: its start time in ticks since boot
born() {
  local fields
  stat_of "$1" && echo "${fields[19]}"
}

# alive PIDFILE: pids are used again, pids with their start times are not
alive() {
  local pid ticks
  [ -s "$1" ] || return 1
  read -r pid ticks <"$1"
  [ "$(born "$pid")" = "$ticks" ]
}

# up SERVER: all it has started still runs
up() {
  local file
  for file in "$RUN/$1"/*.pid; do alive "$file" || return 1; done
}

# launch PIDFILE LOG COMMAND...: in a session of its own, so that halt finds whatever it forks
launch() {
  local pidfile=$1 log=$2
  shift 2
  setsid "$@" </dev/null >>"$log" 2>&1 9>&- & # 9 is the lock of up.sh
  echo "$! $(born $!)" >"$pidfile"
}

# members SESSION: the pids in it
members() {
  local file fields
  for file in /proc/[0-9]*; do
    if stat_of "${file#/proc/}" && [ "${fields[3]}" = "$1" ]; then echo "${file#/proc/}"; fi
  done
}

# within SECONDS COMMAND...: until it succeeds
within() {
  local until=$((SECONDS + $1 + 1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 0.02
  done
}

deserted() { [ -z "$(members "$1")" ]; }

# halt SERVER: end its processes with all that they have forked: connections still open, deliveries under way
halt() {
  local file pid signal
  for file in "$RUN/$1"/*.pid; do
    if alive "$file"; then
      read -r pid _ <"$file"
      for signal in TERM KILL; do
        # shellcheck disable=SC2046
        kill -"$signal" $(members "$pid") 2>/dev/null || true
        within 2 deserted "$pid" && break
      done
    fi
    rm -f "$file"
  done
}

# greets PORT: a server there says 220
greets() {
  local line
  { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  IFS= read -r -t 3 line <&3 || true
  printf 'QUIT\r\n' >&3 2>/dev/null || true
  exec 3>&-
  [ "${line:0:3}" = 220 ]
}

# listens PORT: a server there takes connections
listens() { { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null && exec 3>&-; }

# gave_answer SERVER PORT CHECK: it is there, or it has died and never will be
gave_answer() { "$3" "$2" || ! up "$1"; }

# await SERVER PORT [CHECK]: until it greets (or listens); a server that does not is taken down again, and its logs shown
await() {
  local check=${3:-greets}
  within 10 gave_answer "$1" "$2" "$check" && "$check" "$2" && return
  say "$1 does not answer on port $2:"
  tail -n 5 "$RUN/$1"/*.log >&2 || true
  halt "$1"
  exit 1
}
