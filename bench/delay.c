/* A line with a delay: connections to its ports go on to other ports, and every octet arrives later.
 *
 * delay MICROSECONDS-ONE-WAY PORT...
 *   Prints "ready PORT..." with the port that leads to each of the given ones.
 * A connection through a proxy is there at once, and one over a long line is not: so the three steps of TCP are played
 * too. The server sees the connection one and a half round trips after it was opened, with what the client has said by
 * then half a round trip after it could have said it. Bandwidth is not limited.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LISTENERS 16
#define PART 65536

struct part { struct part *next; uint64_t due; size_t length, gone; char octets[]; };
struct end { struct pair *pair; int fd; struct part *first, *last; int ended, reading; }; /* the queue is what goes to fd */
struct pair { struct end client, server; uint64_t opened; int target; struct pair *next; };

static int poller, timer, listeners[LISTENERS], targets[LISTENERS], listening;
static uint64_t delay;
static struct pair *pairs;

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void watch(struct end *e) {
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = e};
  epoll_ctl(poller, EPOLL_CTL_ADD, e->fd, &wanted);
  e->reading = 1;
}

static void quick(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void append(struct end *to, const char *octets, size_t length, uint64_t due) {
  struct part *part = malloc(sizeof *part + length);
  *part = (struct part){.due = due, .length = length};
  if (length) memcpy(part->octets, octets, length);
  if (to->last) to->last->next = part;
  else to->first = part;
  to->last = part;
}

/* Read what an end says, and put it into the queue of the other one; nothing read is the end. */
static void listen_to(struct end *from) {
  static char octets[PART];
  struct pair *pair = from->pair;
  struct end *to = from == &pair->client ? &pair->server : &pair->client;
  ssize_t n = recv(from->fd, octets, sizeof octets, 0);
  if (n < 0 && errno == EAGAIN) return;
  uint64_t said = now(), established = pair->opened + 2 * delay;
  if (from == &pair->client && said < established) said = established;
  append(to, octets, n > 0 ? (size_t)n : 0, said + delay);
  if (n <= 0) { epoll_ctl(poller, EPOLL_CTL_DEL, from->fd, NULL); from->reading = 0; }
}

/* Open the far side once the third step of TCP has arrived there. */
static void reach(struct pair *pair) {
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)pair->target), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (void *)&place, sizeof place)) { close(fd); pair->client.ended = pair->server.ended = 1; return; }
  quick(fd);
  pair->server.fd = fd;
  watch(&pair->server);
}

/* Send what is due; return when the next part is, 0 for never. */
static uint64_t deliver(struct end *to, uint64_t moment) {
  while (to->first && to->fd >= 0 && to->first->due <= moment) {
    struct part *part = to->first;
    if (part->length) {
      ssize_t n = send(to->fd, part->octets + part->gone, part->length - part->gone, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return moment + 200000;
      if (n < 0) part->gone = part->length;
      else part->gone += (size_t)n;
      if (part->gone < part->length) continue;
    } else { shutdown(to->fd, SHUT_WR); to->ended = 1; }
    to->first = part->next;
    if (!to->first) to->last = NULL;
    free(part);
  }
  return to->first && to->fd >= 0 ? to->first->due : 0;
}

static void forget(struct end *e) {
  for (struct part *part = e->first, *next; part; part = next) { next = part->next; free(part); }
  if (e->fd >= 0) close(e->fd);
}

static void soonest(uint64_t *best, uint64_t due) { if (due && (!*best || due < *best)) *best = due; }

static void turn(void) {
  uint64_t moment = now(), next = 0;
  for (struct pair **at = &pairs; *at;) {
    struct pair *pair = *at;
    uint64_t established = pair->opened + 3 * delay;
    if (pair->server.fd < 0 && !pair->server.ended) {
      if (established <= moment) reach(pair);
      else soonest(&next, established);
    }
    soonest(&next, deliver(&pair->client, moment));
    soonest(&next, deliver(&pair->server, moment));
    if (pair->client.ended && pair->server.ended) { *at = pair->next; forget(&pair->client); forget(&pair->server); free(pair); }
    else at = &pair->next;
  }
  struct itimerspec when = {.it_value = {.tv_sec = (time_t)(next / 1000000000u), .tv_nsec = (long)(next % 1000000000u)}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void welcome(int which) {
  int fd = accept4(listeners[which], NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0) return;
  quick(fd);
  struct pair *pair = calloc(1, sizeof *pair);
  pair->client = (struct end){.pair = pair, .fd = fd};
  pair->server = (struct end){.pair = pair, .fd = -1};
  pair->opened = now();
  pair->target = targets[which];
  pair->next = pairs;
  pairs = pair;
  watch(&pair->client);
}

static int listener(int target) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof place;
  if (bind(fd, (void *)&place, size) || listen(fd, 64)) { perror("delay"); exit(1); }
  getsockname(fd, (void *)&place, &size);
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &listeners[listening]};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
  listeners[listening] = fd;
  targets[listening++] = target;
  return ntohs(place.sin_port);
}

int main(int count, char **words) {
  if (count < 3 || count - 2 > LISTENERS) return 2;
  signal(SIGPIPE, SIG_IGN);
  delay = strtoull(words[1], NULL, 10) * 1000;
  poller = epoll_create1(0);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &timer};
  epoll_ctl(poller, EPOLL_CTL_ADD, timer, &wanted);
  printf("ready");
  for (int i = 2; i < count; i++) printf(" %d", listener(atoi(words[i])));
  printf("\n");
  fflush(stdout);
  struct epoll_event events[64];
  for (;;) {
    int n = epoll_wait(poller, events, 64, -1);
    for (int i = 0; i < n; i++) {
      void *what = events[i].data.ptr;
      uint64_t ticks;
      if (what == &timer) { if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) return 1; }
      else if ((int *)what >= listeners && (int *)what < listeners + LISTENERS) welcome((int)((int *)what - listeners));
      else listen_to(what);
    }
    turn(); /* ends are freed only here, after all events of this round */
  }
}
