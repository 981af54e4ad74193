/*
 * The bare C loop that bench-worker is held against: the same system calls in the same order, the
 * same clock, the same warm-up and window, and nothing else. What bench-worker does on top (telling
 * late, doubled and foreign replies apart) is what may make it slower, and the comparison shows by
 * how much.
 *
 *   pingpong server [-t] -a ADDRESS [-p PORT] [-s SIZE]
 *   pingpong client [-t] -a ADDRESS  -p PORT  [-s SIZE] [-w WARM-UP-MS] [-d WINDOW-MS]
 *
 * -t is TCP with TCP_NODELAY instead of UDP. The server prints {"port": N} and serves until SIGTERM.
 * The client prints {"p50": ns, "p99": ns, "mean": ns, "count": N, "lost": N}. Both spin. Pin them
 * with taskset(1), and put them into a namespace with ip-netns(8).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_NS = 100000000, POLLS_PER_CLOCK_READ = 256, LARGEST = 65000 };

static volatile sig_atomic_t stopped;
static char request[LARGEST], reply[LARGEST + 1];
static size_t size = 64;
static int is_tcp;

static void stop(int signal_number) {
  (void)signal_number;
  stopped = 1;
}

static void fail(const char *what) {
  fprintf(stderr, "pingpong: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int is_nothing(ssize_t count) { return count < 0 && (errno == EAGAIN || errno == EINTR); }

/* TCP is a stream: the rest of a message may take another call. */
static int send_all(int fd, const char *message) {
  size_t done = 0;
  while (done < size) {
    ssize_t count = send(fd, message + done, size - done, MSG_NOSIGNAL);
    if (count < 0 && !is_nothing(count)) return -1;
    if (count > 0) done += (size_t)count;
  }
  return 0;
}

/* 1: a whole message; 0: not yet; -1: the end. */
static int receive_tcp(int fd, size_t *filled) {
  ssize_t count = recv(fd, reply + *filled, size - *filled, MSG_DONTWAIT);
  if (count <= 0) return is_nothing(count) ? 0 : -1;
  *filled += (size_t)count;
  if (*filled < size) return 0;
  *filled = 0;
  return 1;
}

static void serve_udp(int fd) {
  struct sockaddr_in peer;
  while (!stopped) {
    socklen_t length = sizeof peer;
    ssize_t count = recvfrom(fd, reply, sizeof reply, MSG_DONTWAIT, (struct sockaddr *)&peer, &length);
    if (count <= 0) {
      if (count == 0 || is_nothing(count)) continue;
      fail("recvfrom");
    }
    if (sendto(fd, reply, (size_t)count, 0, (struct sockaddr *)&peer, length) < 0) fail("sendto");
  }
}

static void serve_tcp(int fd) {
  int one = 1;
  size_t filled = 0;
  int connection = accept(fd, NULL, NULL);
  if (connection < 0) {
    if (errno == EINTR) return;
    fail("accept");
  }
  if (setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one)) fail("TCP_NODELAY");
  while (!stopped) {
    int got = receive_tcp(connection, &filled);
    if (got < 0) return;
    if (got > 0 && send_all(connection, reply)) return;
  }
}

static void serve(struct sockaddr_in address) {
  socklen_t length = sizeof address;
  struct sigaction action = {.sa_handler = stop};
  int fd = socket(AF_INET, is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
  if (fd < 0) fail("socket");
  /* Without SA_RESTART, so that a signal ends the wait for a connection, too. */
  if (sigaction(SIGTERM, &action, NULL) || sigaction(SIGINT, &action, NULL)) fail("sigaction");
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) fail("bind");
  if (is_tcp && listen(fd, 16)) fail("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &length)) fail("getsockname");
  printf("{\"port\": %d}\n", ntohs(address.sin_port));
  fflush(stdout);
  if (is_tcp) serve_tcp(fd);
  else serve_udp(fd);
}

/* Exchanges messages for `duration` ns; returns the number of samples. */
static size_t exchange(int fd, uint64_t duration, uint32_t *samples, size_t room, uint64_t *lost) {
  static uint64_t sequence;
  size_t count = 0, filled = 0;
  uint64_t start = now(), end = start + duration, last = start;
  while (last < end && count < room) {
    unsigned polls = 0;
    uint64_t sent;
    sequence++;
    memcpy(request, &sequence, size < sizeof sequence ? size : sizeof sequence);
    sent = now();
    if (is_tcp) {
      if (send_all(fd, request)) fail("send");
    } else if (send(fd, request, size, 0) < 0) {
      fail("send");
    }
    for (;;) {
      int got;
      if (is_tcp) {
        got = receive_tcp(fd, &filled);
        if (got < 0) {
          errno = ECONNRESET;
          fail("recv");
        }
      } else {
        ssize_t length = recv(fd, reply, sizeof reply, MSG_DONTWAIT);
        if (length < 0 && !is_nothing(length)) fail("recv");
        got = length == (ssize_t)size;
      }
      if (got) {
        uint64_t received = now();
        /* Not the reply to an earlier request that was given up. */
        if (memcmp(reply, request, size < sizeof sequence ? size : sizeof sequence)) continue;
        samples[count++] = (uint32_t)(received - sent);
        last = received;
        break;
      }
      if (++polls % POLLS_PER_CLOCK_READ == 0 && now() - sent > TIMEOUT_NS) {
        if (is_tcp) {
          errno = ETIMEDOUT;
          fail("recv");
        }
        ++*lost;
        last = now();
        break;
      }
    }
  }
  return count;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* Nearest rank, as bench has it: the sample of rank ceil(q · count), with q in thousandths. */
static uint32_t quantile(const uint32_t *sorted, size_t count, size_t thousandths) {
  return sorted[(count * thousandths + 999) / 1000 - 1];
}

static void measure(struct sockaddr_in server, uint64_t warmup, uint64_t window) {
  int one = 1;
  size_t room = window / 1000 + 1024, count, index;
  uint64_t lost = 0, sum = 0;
  uint32_t *samples = malloc(room * sizeof *samples);
  int fd = socket(AF_INET, is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
  if (!samples) fail("malloc");
  /* The pages are there when the window opens. */
  memset(samples, 0, room * sizeof *samples);
  if (fd < 0) fail("socket");
  if (is_tcp && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one)) fail("TCP_NODELAY");
  if (connect(fd, (struct sockaddr *)&server, sizeof server)) fail("connect");
  exchange(fd, warmup, samples, room, &lost);
  lost = 0;
  count = exchange(fd, window, samples, room, &lost);
  if (count == 0) {
    fprintf(stderr, "pingpong: no round trip was completed (%llu lost)\n", (unsigned long long)lost);
    exit(1);
  }
  qsort(samples, count, sizeof *samples, ascending);
  for (index = 0; index < count; index++) sum += samples[index];
  printf("{\"p50\": %u, \"p99\": %u, \"mean\": %.1f, \"count\": %zu, \"lost\": %llu}\n",
         quantile(samples, count, 500), quantile(samples, count, 990), (double)sum / (double)count, count,
         (unsigned long long)lost);
}

static unsigned long number(const char *text, unsigned long least, unsigned long most) {
  char *end;
  unsigned long value;
  errno = 0;
  value = strtoul(text, &end, 10);
  if (errno || *end || end == text || value < least || value > most) {
    fprintf(stderr, "pingpong: '%s' is no whole number from %lu to %lu\n", text, least, most);
    exit(64);
  }
  return value;
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  uint64_t warmup = 400, window = 550;
  int option, is_client = argc > 1 && !strcmp(argv[1], "client");
  if (argc < 2 || (!is_client && strcmp(argv[1], "server"))) goto usage;
  optind = 2;
  while ((option = getopt(argc, argv, "ta:p:s:w:d:")) != -1) {
    switch (option) {
      case 't': is_tcp = 1; break;
      case 'a':
        if (inet_pton(AF_INET, optarg, &address.sin_addr) != 1) goto usage;
        break;
      case 'p': address.sin_port = htons((uint16_t)number(optarg, 0, 65535)); break;
      case 's': size = number(optarg, 1, LARGEST); break;
      case 'w': warmup = number(optarg, 0, 60000); break;
      case 'd': window = number(optarg, 1, 60000); break;
      default: goto usage;
    }
  }
  if (optind != argc) goto usage;
  if (is_client) measure(address, warmup * 1000000, window * 1000000);
  else serve(address);
  return 0;

usage:
  fprintf(stderr, "usage: pingpong server|client [-t] -a ADDRESS [-p PORT] [-s SIZE] [-w WARM-UP-MS] [-d WINDOW-MS]\n");
  return 64;
}
