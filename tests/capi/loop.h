/* A program's own poll() loop around a core: its clients come by a socket of 127.0.0.1. */
#ifndef HEIM_TESTS_CAPI_LOOP_H
#define HEIM_TESTS_CAPI_LOOP_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "heimproxy/core.h"

#define OK(call) CHECK_STATUS(call, HEIM_OK, &error)
#define MOST_SOCKETS 128

struct wire {
  uint64_t id;
  int fd;
  int is_server, connecting, paused, full, ended;
  char node[32];
};

struct loop {
  heim_core* core;
  uint64_t skew_ns; /* how far its time is ahead of the clock */
  int listener, port;
  int watched; /* a descriptor that wakes it, too; -1: none */
  struct wire wires[MOST_SOCKETS];
  size_t count;
  size_t connects, pauses, samples; /* actions */
  size_t sent;                      /* bytes, to all */
  int refused;                      /* so many servers that cannot be connected to are next */
  char log[4000];                   /* its last lines */
};

static inline uint64_t loop_now(const struct loop* loop) {
  struct timespec now;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + loop->skew_ns;
}

static inline struct wire* loop_find(struct loop* loop, uint64_t id) {
  size_t i;
  for (i = 0; i < loop->count; ++i) {
    if (loop->wires[i].id == id) return &loop->wires[i];
  }
  CHECK(!"a connection of the core's");
  return NULL;
}

static inline struct wire* loop_add(struct loop* loop, uint64_t id, int fd) {
  struct wire* wire = &loop->wires[loop->count++];
  CHECK(loop->count <= MOST_SOCKETS);
  memset(wire, 0, sizeof *wire);
  wire->id = id;
  wire->fd = fd;
  return wire;
}

static inline size_t loop_servers(const struct loop* loop, const char* node) {
  size_t count = 0, i;
  for (i = 0; i < loop->count; ++i) {
    const struct wire* wire = &loop->wires[i];
    count += wire->is_server && (!node || strcmp(wire->node, node) == 0);
  }
  return count;
}

static inline int unblocked(int fd) {
  CHECK(fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  return fd;
}

static inline struct sockaddr_in local_address(int port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static inline void loop_listen(struct loop* loop) {
  struct sockaddr_in address = local_address(0);
  socklen_t size = sizeof address;
  loop->listener = unblocked(socket(AF_INET, SOCK_STREAM, 0));
  CHECK(bind(loop->listener, (struct sockaddr*)&address, size) == 0);
  CHECK(listen(loop->listener, 64) == 0);
  CHECK(getsockname(loop->listener, (struct sockaddr*)&address, &size) == 0);
  loop->port = ntohs(address.sin_port);
}

/* ---- what the core asks for ---- */

static inline void loop_connect(struct loop* loop, const heim_action* action) {
  struct sockaddr_in address = local_address((int)action->port);
  struct wire* wire;
  heim_error error;
  ++loop->connects;
  CHECK(strcmp(action->host, "127.0.0.1") == 0 || strcmp(action->host, "localhost") == 0);
  wire = loop_add(loop, action->connection, unblocked(socket(AF_INET, SOCK_STREAM, 0)));
  wire->is_server = wire->connecting = 1;
  snprintf(wire->node, sizeof wire->node, "%s", action->node);
  if (loop->refused > 0) {
    --loop->refused;
    loop->skew_ns += 2000000000u; /* nobody shall wait for the next try */
    wire->ended = 1;
    OK(heim_core_ended(loop->core, wire->id, "connection refused", &error));
  } else {
    CHECK(connect(wire->fd, (struct sockaddr*)&address, sizeof address) == 0 ||
          errno == EINPROGRESS);
  }
}

static inline void loop_ended(struct loop* loop, struct wire* wire, const char* why) {
  heim_error error;
  wire->ended = 1;
  OK(heim_core_ended(loop->core, wire->id, why, &error));
}

static inline void loop_send(struct loop* loop, struct wire* wire, const void* data,
                             size_t length) {
  heim_error error;
  ssize_t went = length ? send(wire->fd, data, length, MSG_NOSIGNAL) : 0;
  if (went < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
    loop_ended(loop, wire, strerror(errno));
    return;
  }
  if (went < 0) went = 0;
  wire->full = (size_t)went < length;
  loop->sent += (size_t)went;
  OK(heim_core_sent(loop->core, wire->id, (size_t)went, &error));
}

static inline void loop_close(struct loop* loop, uint64_t id) {
  struct wire* wire = loop_find(loop, id);
  char rest[4096];
  shutdown(wire->fd, SHUT_WR);
  while (recv(wire->fd, rest, sizeof rest, MSG_DONTWAIT) > 0) continue;
  close(wire->fd);
  *wire = loop->wires[--loop->count];
}

static inline void loop_carry_out(struct loop* loop, const heim_action* action) {
  const uint64_t id = action->connection;
  switch (action->kind) {
    case HEIM_ACTION_CONNECT:
      loop_connect(loop, action);
      break;
    case HEIM_ACTION_SEND:
      loop_send(loop, loop_find(loop, id), action->data, action->length);
      break;
    case HEIM_ACTION_PAUSE:
      ++loop->pauses;
      loop_find(loop, id)->paused = 1;
      break;
    case HEIM_ACTION_RESUME:
      loop_find(loop, id)->paused = 0;
      break;
    case HEIM_ACTION_CLOSE:
      loop_close(loop, id);
      break;
    case HEIM_ACTION_SAMPLE:
      ++loop->samples;
      break;
    case HEIM_ACTION_LOG:
      snprintf(loop->log, sizeof loop->log, "%s", action->text);
      if (getenv("HEIM_TEST_LOG")) fprintf(stderr, "%s\n", action->text);
      break;
    default:
      CHECK(!"an action that is known");
  }
}

static inline void loop_act(struct loop* loop) {
  heim_action action = HEIM_ACTION_INIT;
  heim_error error;
  for (;;) {
    OK(heim_core_next_action(loop->core, &action, &error));
    if (action.kind == HEIM_ACTION_NONE) return;
    loop_carry_out(loop, &action);
  }
}

/* ---- what comes ---- */

static inline void loop_accept(struct loop* loop) {
  heim_peer peer = HEIM_PEER_INIT;
  heim_error error;
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  char address[64];
  uint64_t id = 0;
  const int small = 16384;
  const int fd = accept(loop->listener, (struct sockaddr*)&from, &size);
  if (fd < 0) return;
  CHECK(setsockopt(unblocked(fd), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(from.sin_port));
  peer.address = address;
  OK(heim_core_accept(loop->core, &peer, &id, &error));
  loop_add(loop, id, fd);
}

static inline void loop_read(struct loop* loop, struct wire* wire) {
  static char bytes[65536];
  heim_error error;
  const ssize_t count = recv(wire->fd, bytes, sizeof bytes, 0);
  if (count > 0) {
    OK(heim_core_received(loop->core, wire->id, bytes, (size_t)count, &error));
  } else if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
    loop_ended(loop, wire, count == 0 ? NULL : strerror(errno));
  }
}

static inline void loop_connected(struct loop* loop, struct wire* wire) {
  heim_error error;
  int problem = 0;
  socklen_t size = sizeof problem;
  wire->connecting = 0;
  CHECK(getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &problem, &size) == 0);
  if (problem != 0) {
    loop_ended(loop, wire, strerror(problem));
  } else {
    OK(heim_core_connected(loop->core, wire->id, NULL, &error));
  }
}

static inline void loop_serve(struct loop* loop, uint64_t id, short events) {
  struct wire* wire = loop_find(loop, id);
  const void* data = NULL;
  size_t length = 0;
  heim_error error;
  if (wire->connecting) {
    loop_connected(loop, wire);
  } else if (events & POLLOUT) {
    OK(heim_core_unsent(loop->core, id, &data, &length, &error));
    loop_send(loop, wire, data, length);
  } else if (events & (POLLIN | POLLHUP | POLLERR)) {
    loop_read(loop, wire);
  }
}

static inline short loop_wants(const struct wire* wire) {
  if (wire->ended) return 0;
  if (wire->connecting) return POLLOUT;
  return (short)((wire->paused ? 0 : POLLIN) | (wire->full ? POLLOUT : 0));
}

static inline int loop_timeout(struct loop* loop) {
  const uint64_t due = heim_core_deadline_ns(loop->core), now = loop_now(loop);
  if (due == HEIM_FOREVER || due > now + 1000000000u) return 1000;
  return due <= now ? 0 : (int)((due - now) / 1000000u) + 1;
}

/* One turn: waits, tells what came, and does what is to be done. */
static inline void loop_turn(struct loop* loop) {
  struct pollfd fds[MOST_SOCKETS + 2];
  uint64_t ids[MOST_SOCKETS];
  const size_t count = loop->count;
  heim_error error;
  size_t i;
  for (i = 0; i < count; ++i) {
    const short wanted = loop_wants(&loop->wires[i]);
    ids[i] = loop->wires[i].id;
    fds[i].fd = wanted ? loop->wires[i].fd : -1;
    fds[i].events = wanted;
    fds[i].revents = 0;
  }
  fds[count].fd = loop->listener;
  fds[count + 1].fd = loop->watched;
  fds[count].events = fds[count + 1].events = POLLIN;
  CHECK(poll(fds, count + 2, loop_timeout(loop)) >= 0);
  OK(heim_core_advance(loop->core, loop_now(loop), &error));
  loop_act(loop);
  for (i = 0; i < count; ++i) {
    size_t at;
    for (at = 0; at < loop->count && loop->wires[at].id != ids[i]; ++at) continue;
    if (fds[i].revents == 0 || at == loop->count) continue;
    if ((loop_wants(&loop->wires[at]) & fds[i].events) == 0) continue;
    loop_serve(loop, ids[i], fds[i].revents);
    loop_act(loop);
  }
  if (fds[count].revents & POLLIN) loop_accept(loop);
}

/* ---- beginning and end ---- */

static inline struct loop* loop_open(const char* configuration, int port,
                                     const heim_core_options* options) {
  struct loop* loop = calloc(1, sizeof *loop);
  heim_config* config = NULL;
  heim_error error;
  char text[2000];
  CHECK(loop);
  loop->watched = -1;
  snprintf(text, sizeof text, configuration, port, port);
  OK(heim_config_new(&config, &error));
  OK(heim_config_load_text(config, text, strlen(text), HEIM_CONFIG_TOML, &error));
  OK(heim_core_new(config, options, loop_now(loop), &loop->core, &error));
  heim_config_free(config);
  loop_listen(loop);
  return loop;
}

static inline void loop_free(struct loop* loop) {
  heim_core_free(loop->core);
  while (loop->count > 0) close(loop->wires[--loop->count].fd);
  close(loop->listener);
  free(loop);
}

#endif
