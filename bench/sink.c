/* A mail server that throws everything away, as fast as one core can, and counts what it took.
 *
 * It offers PIPELINING, CHUNKING, BINARYMIME, 8BITMIME, SIZE, SMTPUTF8 and STARTTLS, and it is strict where a fast client
 * could cheat: commands end with CRLF, RCPT needs MAIL, DATA and BDAT need RCPT, a body ends with CRLF.CRLF and nothing
 * else, BDAT counts every octet. A client that breaks a rule is answered with an error, and counted.
 *
 * sink [-p port] [-t tls-port] [-c certificates.pem -k key.pem] [-P] [-B]
 *   Ports of 0 are chosen by the system; they are printed in one line: "ready PORT TLS-PORT".
 *   -P does not offer PIPELINING, -B does not offer CHUNKING.
 * COUNT answers "250 messages=N octets=N connections=N errors=N reads=N".
 * Without OpenSSL's headers it is built with -DNO_TLS, and can't do TLS.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#ifndef NO_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
static SSL_CTX *context;
#define SECURE(l) ((l)->tls != NULL)
#define CAN_SECURE (context != NULL)
#else
#define SECURE(l) 0
#define CAN_SECURE 0
#endif

#define INPUT (256 * 1024)
#define OUTPUT (64 * 1024)
#define LONGEST 2048 /* octets of a command line */

enum { COMMANDS, BODY, CHUNK };

struct line {
  int fd, state, sender, recipients, last, leaving, at_line_start, watched, implicit, upgrade;
  uint64_t left, octets;
  size_t have, said, sent; /* octets of input; octets of output, and how many of them went out */
#ifndef NO_TLS
  SSL *tls;
#endif
  char output[OUTPUT];
  char input[INPUT];
};

static struct { unsigned long long messages, octets, connections, errors, reads; } counted;
static int poller, no_pipelining, no_chunking;

static void say(struct line *l, const char *text) {
  size_t length = strlen(text);
  if (l->said + length > OUTPUT) { l->leaving = 2; return; } /* can't be: serve() leaves room */
  memcpy(l->output + l->said, text, length);
  l->said += length;
}

static void fault(struct line *l, const char *text) { counted.errors++; say(l, text); }

static void taken(struct line *l) {
  counted.messages++;
  counted.octets += l->octets;
  l->octets = 0;
  l->sender = l->recipients = 0;
  say(l, "250 2.0.0 Ok: queued as 7F3A91C0D2\r\n");
}

static void hello(struct line *l) {
  char text[512];
  snprintf(text, sizeof text, "250-sink.example\r\n%s%s%s250-SIZE 8000000000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n",
           no_pipelining ? "" : "250-PIPELINING\r\n", no_chunking ? "" : "250-CHUNKING\r\n250-BINARYMIME\r\n",
           CAN_SECURE && !SECURE(l) ? "250-STARTTLS\r\n" : "");
  say(l, text);
}

static void counts(struct line *l) {
  char text[256];
  snprintf(text, sizeof text, "250 messages=%llu octets=%llu connections=%llu errors=%llu reads=%llu\r\n", counted.messages,
           counted.octets, counted.connections, counted.errors, counted.reads);
  say(l, text);
}

static int is(const char *text, size_t length, const char *verb) {
  return length >= strlen(verb) && !strncasecmp(text, verb, strlen(verb));
}

static void chunk(struct line *l, char *text, size_t length) {
  char *end = NULL;
  text[length] = 0; /* where its CR was */
  l->left = strtoull(text + 5, &end, 10);
  l->last = !strcasecmp(end, " LAST");
  if (end == text + 5 || (*end && !l->last)) { fault(l, "501 5.5.4 BDAT length [LAST]\r\n"); l->leaving = 1; return; }
  l->state = CHUNK;
}

static void command(struct line *l, char *text, size_t length) {
  if (is(text, length, "MAIL FROM:<")) {
    if (l->sender) { fault(l, "503 5.5.1 There is a sender already\r\n"); return; }
    l->sender = 1;
    say(l, "250 2.1.0 Ok\r\n");
  } else if (is(text, length, "RCPT TO:<")) {
    if (!l->sender) { fault(l, "503 5.5.1 MAIL first\r\n"); return; }
    l->recipients++;
    say(l, "250 2.1.5 Ok\r\n");
  } else if (is(text, length, "DATA")) {
    if (!l->recipients) { fault(l, "503 5.5.1 RCPT first\r\n"); return; }
    l->state = BODY;
    l->at_line_start = 1;
    say(l, "354 End data with <CR><LF>.<CR><LF>\r\n");
  } else if (is(text, length, "BDAT ")) chunk(l, text, length);
  else if (is(text, length, "EHLO ") || is(text, length, "HELO ")) hello(l);
  else if (is(text, length, "RSET")) { l->sender = l->recipients = 0; l->octets = 0; say(l, "250 2.0.0 Ok\r\n"); }
  else if (is(text, length, "NOOP")) say(l, "250 2.0.0 Ok\r\n");
  else if (is(text, length, "QUIT")) { say(l, "221 2.0.0 Bye\r\n"); l->leaving = 1; }
  else if (is(text, length, "COUNT")) counts(l);
  else if (is(text, length, "STARTTLS") && CAN_SECURE && !SECURE(l)) { say(l, "220 2.0.0 Go ahead\r\n"); l->upgrade = 1; }
  else fault(l, "500 5.5.2 What?\r\n");
}

/* The end of a body in p..end, or NULL: the CR of CRLF.CRLF. */
static char *body_end(char *p, char *end) {
  for (char *dot = p + 2; dot + 2 < end; dot++) {
    dot = memchr(dot, '.', (size_t)(end - dot) - 2);
    if (!dot) return NULL;
    if (dot[-1] == '\n' && dot[-2] == '\r' && dot[1] == '\r' && dot[2] == '\n') return dot - 2;
  }
  return NULL;
}

/* Take a part of a body; return where the rest begins, or NULL when more is needed. */
static char *body(struct line *l, char *p, char *end) {
  if (l->at_line_start) {
    if (end - p < 3 && !memcmp(p, ".\r\n", (size_t)(end - p))) return NULL;
    l->at_line_start = 0;
    if (end - p >= 3 && !memcmp(p, ".\r\n", 3)) { l->state = COMMANDS; taken(l); return p + 3; }
  }
  char *found = body_end(p, end);
  if (found) {
    l->octets += (uint64_t)(found + 2 - p);
    l->state = COMMANDS;
    taken(l);
    return found + 5;
  }
  if (end - p <= 4) return NULL; /* four octets may be the beginning of the end */
  l->octets += (uint64_t)(end - p) - 4;
  return end - 4;
}

static void chunk_ended(struct line *l) {
  l->state = COMMANDS;
  if (!l->recipients) { l->octets = 0; fault(l, "503 5.5.1 RCPT first\r\n"); }
  else if (l->last) taken(l);
  else say(l, "250 2.0.0 Ok\r\n");
}

/* Take what is there, as far as there is room for the answers; return whether something was taken. */
static int serve(struct line *l) {
  char *p = l->input, *end = l->input + l->have;
  while (p < end && !l->leaving && !l->upgrade && l->said + 1024 < OUTPUT) {
    if (l->state == COMMANDS) {
      char *stop = memchr(p, '\n', (size_t)(end - p));
      if (!stop) { if (end - p > LONGEST) { fault(l, "500 5.5.2 Too long\r\n"); l->leaving = 1; } break; }
      if (stop == p || stop[-1] != '\r') { fault(l, "500 5.5.2 Lines end with CRLF\r\n"); l->leaving = 1; break; }
      command(l, p, (size_t)(stop - 1 - p));
      p = stop + 1;
      if (l->state == CHUNK && !l->left) chunk_ended(l);
    } else if (l->state == CHUNK) {
      uint64_t part = (uint64_t)(end - p) < l->left ? (uint64_t)(end - p) : l->left;
      p += part;
      l->octets += part;
      l->left -= part;
      if (!l->left) chunk_ended(l);
    } else {
      char *rest = body(l, p, end);
      if (!rest) break;
      if (l->state == BODY) { p = rest; break; }
      p = rest;
    }
  }
  if (l->upgrade) { if (p < end) counted.errors++; p = end; } /* nothing said before TLS counts in it */
  size_t moved = (size_t)(p - l->input);
  l->have -= moved;
  if (moved && l->have) memmove(l->input, p, l->have);
  return moved > 0;
}

static void watch(struct line *l, int events) {
  if (events == l->watched) return;
  l->watched = events;
  struct epoll_event wanted = {.events = (uint32_t)events, .data.ptr = l};
  epoll_ctl(poller, EPOLL_CTL_MOD, l->fd, &wanted);
}

/* Octets moved, 0 for "not now", -1 for the end. */
static ssize_t get(struct line *l) {
  char *to = l->input + l->have;
  size_t room = INPUT - l->have;
  if (!room) return 0;
#ifndef NO_TLS
  if (l->tls) {
    int early = !SSL_is_init_finished(l->tls), n = SSL_read(l->tls, to, (int)room), why = SSL_get_error(l->tls, n);
    if (early && SSL_is_init_finished(l->tls) && l->implicit) say(l, "220 sink.example ESMTP\r\n");
    ERR_clear_error();
    return n > 0 ? n : why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
  }
#endif
  ssize_t n = recv(l->fd, to, room, 0);
  return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
}

static ssize_t put(struct line *l) {
  const char *from = l->output + l->sent;
  size_t length = l->said - l->sent;
#ifndef NO_TLS
  if (l->tls) {
    int n = SSL_write(l->tls, from, (int)length), why = SSL_get_error(l->tls, n);
    ERR_clear_error();
    return n > 0 ? n : why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
  }
#endif
  ssize_t n = send(l->fd, from, length, MSG_NOSIGNAL);
  return n >= 0 ? n : errno == EAGAIN ? 0 : -1;
}

static void flush(struct line *l) {
  while (l->sent < l->said && l->leaving != 2) {
    ssize_t n = put(l);
    if (n < 0) l->leaving = 2;
    if (n <= 0) break;
    l->sent += (size_t)n;
  }
  if (l->sent == l->said) l->sent = l->said = 0;
  watch(l, l->said ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void begin_tls(struct line *l) {
#ifndef NO_TLS
  l->tls = SSL_new(context);
  SSL_set_fd(l->tls, l->fd);
  SSL_set_accept_state(l->tls);
  SSL_set_mode(l->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  l->upgrade = 0;
#endif
  (void)l;
}

static void attend(struct line *l) {
  for (;;) {
    ssize_t n = get(l);
    if (n < 0) { l->leaving = 2; return; }
    if (n > 0) { counted.reads++; l->have += (size_t)n; }
    int moved = 1;
    while (moved && l->have && !l->leaving) { moved = serve(l); flush(l); if (l->said) break; }
    flush(l);
    if (l->upgrade && !l->said) begin_tls(l);
    if (n == 0 || l->leaving || l->said || !SECURE(l)) return; /* a plain line that has more wakes us again */
  }
}

static void drop(struct line *l) {
#ifndef NO_TLS
  if (l->tls) { if (l->leaving == 1) SSL_shutdown(l->tls); SSL_free(l->tls); ERR_clear_error(); }
#endif
  close(l->fd);
  free(l);
}

static void welcome(int listener, int implicit) {
  int fd, on = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct line *l = malloc(sizeof *l);
    memset(l, 0, offsetof(struct line, output));
    l->fd = fd;
    l->watched = EPOLLIN;
    l->implicit = implicit;
    counted.connections++;
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = l};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
    if (implicit) begin_tls(l);
    else { say(l, "220 sink.example ESMTP\r\n"); flush(l); }
  }
}

static int listener(int *port, uintptr_t mark) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof place;
  if (bind(fd, (void *)&place, size) || listen(fd, 1024)) { perror("sink"); exit(1); }
  getsockname(fd, (void *)&place, &size);
  *port = ntohs(place.sin_port);
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = (void *)mark};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
  return fd;
}

static int prepare_tls(const char *certificates, const char *key) {
#ifndef NO_TLS
  context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_session_id_context(context, (const void *)"sink", 4);
  SSL_CTX_set_read_ahead(context, 1);
  if (SSL_CTX_use_certificate_chain_file(context, certificates) == 1 && SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1)
    return 1;
  ERR_print_errors_fp(stderr);
#else
  (void)certificates, (void)key;
#endif
  return 0;
}

int main(int count, char **words) {
  int option, port = 0, tls_port = 0, tls = 0;
  const char *certificates = NULL, *key = NULL;
  while ((option = getopt(count, words, "p:t:c:k:PB")) != -1) {
    if (option == 'p') port = atoi(optarg);
    else if (option == 't') tls_port = atoi(optarg);
    else if (option == 'c') certificates = optarg;
    else if (option == 'k') key = optarg;
    else if (option == 'P') no_pipelining = 1;
    else if (option == 'B') no_chunking = 1;
    else return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  poller = epoll_create1(0);
  if (certificates && key && !(tls = prepare_tls(certificates, key))) return 1;
  int plain = listener(&port, 1), secured = tls ? listener(&tls_port, 2) : -1;
  printf("ready %d %d\n", port, tls ? tls_port : 0);
  fflush(stdout);
  struct epoll_event events[256];
  for (;;) {
    int n = epoll_wait(poller, events, 256, -1);
    for (int i = 0; i < n; i++) {
      uintptr_t mark = (uintptr_t)events[i].data.ptr;
      if (mark <= 2) { welcome(mark == 1 ? plain : secured, mark == 2); continue; }
      struct line *l = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) flush(l);
      if (!l->leaving) attend(l);
      if (l->leaving == 2 || (l->leaving && !l->said)) drop(l);
    }
  }
}
