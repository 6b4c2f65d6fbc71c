/* A pooler in one thread: the program's own poll() loop around a core, which has no socket and no
 * clock. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <heimproxy/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 256

/* A socket, and the connection that the core knows it by. */
struct peer {
  uint64_t connection;
  int fd;
  int connecting, paused, full, over;
};

static heim_core* core;
static heim_error error;
static struct peer peers[MOST];
static size_t count, clients, servers;

static void must(heim_status status, const char* what) {
  if (status == HEIM_OK) return;
  fprintf(stderr, "%s: %s\n", what, error.message);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct peer* find(uint64_t connection) {
  size_t i = 0;
  while (i < count && peers[i].connection != connection) ++i;
  return i < count ? &peers[i] : NULL;
}

static struct peer* add(uint64_t connection, int fd) {
  struct peer* peer = &peers[count++];
  memset(peer, 0, sizeof *peer);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  peer->connection = connection;
  peer->fd = fd;
  return peer;
}

/* It is of no use any more. The core asks for its closing. */
static void ended(struct peer* peer, const char* why) {
  peer->over = 1;
  must(heim_core_ended(core, peer->connection, why, &error), "ended");
}

/* ---- what the core asks for ---- */

static void connect_to(const heim_action* action) {
  struct addrinfo hints, *found = NULL;
  struct peer* peer;
  char port[8];
  int fd = -1, problem;
  if (count == MOST) {
    must(heim_core_ended(core, action->connection, "too many sockets", &error), "ended");
    return;
  }
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  snprintf(port, sizeof port, "%u", (unsigned)action->port);
  /* A program that must not wait for names would ask for them elsewhere. */
  problem = getaddrinfo(action->host, port, &hints, &found);
  if (problem == 0) fd = socket(found->ai_family, SOCK_STREAM, 0);
  peer = add(action->connection, fd);
  peer->connecting = 1;
  ++servers;
  if (fd < 0) {
    ended(peer, problem ? gai_strerror(problem) : "no socket");
  } else if (connect(fd, found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS) {
    ended(peer, strerror(errno));
  }
  if (problem == 0) freeaddrinfo(found);
}

static void send_to(struct peer* peer, const void* data, size_t length) {
  ssize_t sent = send(peer->fd, data, length, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
    ended(peer, strerror(errno));
    return;
  }
  if (sent < 0) sent = 0;
  peer->full = (size_t)sent < length; /* the rest when there is room */
  must(heim_core_sent(core, peer->connection, (size_t)sent, &error), "sent");
}

/* What is read now is of no interest, but unread it would take back what was sent last. */
static void close_it(struct peer* peer) {
  char rest[4096];
  if (peer->fd >= 0) {
    shutdown(peer->fd, SHUT_WR);
    while (recv(peer->fd, rest, sizeof rest, 0) > 0) continue;
    close(peer->fd);
  }
  *peer = peers[--count];
}

static void carry_out_all(void) {
  heim_action action = HEIM_ACTION_INIT;
  for (;;) {
    struct peer* peer;
    must(heim_core_next_action(core, &action, &error), "action");
    peer = find(action.connection);
    switch (action.kind) {
      case HEIM_ACTION_NONE:
        return;
      case HEIM_ACTION_CONNECT:
        connect_to(&action);
        break;
      case HEIM_ACTION_SEND:
        send_to(peer, action.data, action.length);
        break;
      case HEIM_ACTION_PAUSE:
        peer->paused = 1;
        break;
      case HEIM_ACTION_RESUME:
        peer->paused = 0;
        break;
      case HEIM_ACTION_CLOSE:
        if (peer) close_it(peer);
        break;
      case HEIM_ACTION_LOG:
        fprintf(stderr, "%s\n", action.text);
        break;
      default: /* TLS was not offered; one node needs no samples */
        break;
    }
  }
}

/* ---- what comes ---- */

static void accept_client(int listener) {
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  heim_peer peer = HEIM_PEER_INIT;
  char address[32];
  uint64_t connection;
  const int fd = accept(listener, (struct sockaddr*)&from, &size);
  if (fd < 0) return;
  if (count > MOST / 2) { /* the others are for servers */
    close(fd);
    return;
  }
  snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(from.sin_port));
  peer.address = address;
  must(heim_core_accept(core, &peer, &connection, &error), "accept");
  add(connection, fd);
  ++clients;
}

static void on_readable(struct peer* peer) {
  static char bytes[65536];
  const ssize_t got = recv(peer->fd, bytes, sizeof bytes, 0);
  if (got > 0) {
    must(heim_core_received(core, peer->connection, bytes, (size_t)got, &error), "received");
  } else if (got == 0) {
    ended(peer, NULL);
  } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
    ended(peer, strerror(errno));
  }
}

static void on_connected(struct peer* peer) {
  int problem = 0;
  socklen_t size = sizeof problem;
  getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
  peer->connecting = 0;
  if (problem) {
    ended(peer, strerror(problem));
  } else {
    must(heim_core_connected(core, peer->connection, NULL, &error), "connected");
  }
}

static void on_room(struct peer* peer) {
  const void* data;
  size_t length;
  must(heim_core_unsent(core, peer->connection, &data, &length, &error), "unsent");
  send_to(peer, data, length);
}

static short wanted(const struct peer* peer) {
  if (peer->over) return 0;
  if (peer->connecting) return POLLOUT;
  return (short)((peer->paused ? 0 : POLLIN) | (peer->full ? POLLOUT : 0));
}

static void serve(uint64_t connection, short events) {
  struct peer* peer = find(connection);
  if (!peer || !wanted(peer)) return; /* closed meanwhile, or stopped */
  if (peer->connecting) {
    on_connected(peer);
  } else if (peer->full && (events & POLLOUT)) {
    on_room(peer);
  } else if (!peer->paused) {
    on_readable(peer);
  }
  carry_out_all();
}

/* Milliseconds until the core wants to know the time. */
static int patience(void) {
  const uint64_t due = heim_core_deadline_ns(core), now = now_ns();
  if (due == HEIM_FOREVER) return -1;
  return due <= now ? 0 : (int)((due - now) / 1000000u) + 1;
}

/* Waits, and does what is to be done. False: the standard input has ended. */
static int turn(int listener, int input) {
  struct pollfd fds[MOST + 2];
  uint64_t connections[MOST];
  const size_t polled = count;
  char byte;
  size_t i;
  for (i = 0; i < polled; ++i) {
    connections[i] = peers[i].connection;
    fds[i].events = wanted(&peers[i]);
    fds[i].fd = fds[i].events ? peers[i].fd : -1;
  }
  fds[polled].fd = listener;
  fds[polled + 1].fd = input;
  fds[polled].events = fds[polled + 1].events = POLLIN;
  if (poll(fds, polled + 2, patience()) < 0 && errno != EINTR) exit(1);
  must(heim_core_advance(core, now_ns(), &error), "advance");
  carry_out_all();
  for (i = 0; i < polled; ++i) {
    if (fds[i].fd >= 0 && fds[i].revents) serve(connections[i], fds[i].revents);
  }
  if (fds[polled].fd >= 0 && fds[polled].revents) accept_client(listener);
  return !(fds[polled + 1].fd >= 0 && fds[polled + 1].revents && read(input, &byte, 1) == 0);
}

/* ---- beginning and end ---- */

static int listen_here(void) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr*)&address, size) != 0 || listen(fd, 64) != 0 ||
      getsockname(fd, (struct sockaddr*)&address, &size) != 0) {
    perror("listen");
    exit(1);
  }
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

int main(int argc, char** argv) {
  heim_config* config = NULL;
  int listener;
  must(heim_config_new(&config, &error), "config");
  must(heim_config_load_file(config, argc > 1 ? argv[1] : "heimproxy.toml", &error), "config");
  must(heim_core_new(config, NULL, now_ns(), &core, &error), "core");
  heim_config_free(config);
  listener = listen_here();
  while (turn(listener, STDIN_FILENO)) continue;
  close(listener);
  must(heim_core_stop(core, HEIM_STOP_WAIT_FOR_CLIENTS, &error), "stop");
  carry_out_all();
  while (count > 0) turn(-1, -1);
  heim_core_free(core);
  printf("%u clients, %u server connections\n", (unsigned)clients, (unsigned)servers);
  return 0;
}
