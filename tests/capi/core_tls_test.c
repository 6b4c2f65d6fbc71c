/* TLS in a program's own loop: a client that binds its login to the channel, a server whose name is
 * verified. The program's OpenSSL does the handshakes that the core asks for. */
#include <libpq-fe.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>

#include "heimproxy/core.h"
#include "loop.h"

#define MOST 8

struct end {
  uint64_t id; /* 0: free */
  int fd;
  SSL* ssl; /* NULL: plain text */
  BIO *in, *out;
  int secured;
};

static struct end ends[MOST];
static heim_core* core;
static SSL_CTX *as_server, *as_client;
static int handshakes_served, handshakes_made;

static struct end* find(uint64_t id) {
  int i;
  for (i = 0; i < MOST && ends[i].id != id; ++i) continue;
  CHECK(i < MOST);
  return &ends[i];
}

static struct end* add(uint64_t id, int fd) {
  struct end* end = find(0);
  memset(end, 0, sizeof *end);
  end->id = id;
  end->fd = fd;
  return end;
}

static void send_all(const struct end* end, const void* data, size_t length) {
  const char* at = data;
  while (length > 0) {
    const ssize_t went = send(end->fd, at, length, MSG_NOSIGNAL);
    if (went <= 0) return; /* it has gone: reading tells */
    at += went;
    length -= (size_t)went;
  }
}

static void flush(struct end* end) {
  char bytes[4096];
  int count;
  while ((count = BIO_read(end->out, bytes, sizeof bytes)) > 0) send_all(end, bytes, (size_t)count);
}

/* RFC 5929, as both of the certificates here are signed with SHA-256. */
static size_t hash_of(X509* certificate, unsigned char* hash) {
  unsigned size = 0;
  CHECK(certificate && X509_digest(certificate, EVP_sha256(), hash, &size));
  return size;
}

static void tell_secured(struct end* end) {
  heim_tls tls = HEIM_TLS_INIT;
  heim_error error;
  unsigned char hash[EVP_MAX_MD_SIZE];
  X509* peer = SSL_get1_peer_certificate(end->ssl);
  end->secured = 1;
  tls.version = SSL_get_version(end->ssl);
  tls.cipher = SSL_get_cipher(end->ssl);
  if (peer) {
    tls.endpoint_hash_length = hash_of(peer, hash);
    tls.endpoint_hash = hash;
    X509_free(peer);
  }
  ++*(SSL_is_server(end->ssl) ? &handshakes_served : &handshakes_made);
  OK(heim_core_secured(core, end->id, &tls, &error));
}

static void look_within(struct end* end) {
  char bytes[4096];
  heim_error error;
  int count;
  if (!end->secured) {
    const int done = SSL_do_handshake(end->ssl);
    flush(end);
    if (done == 1) tell_secured(end);
    if (done != 1 && SSL_get_error(end->ssl, done) != SSL_ERROR_WANT_READ) {
      OK(heim_core_ended(core, end->id, "the handshake failed", &error));
    }
  }
  while (end->secured && (count = SSL_read(end->ssl, bytes, sizeof bytes)) > 0) {
    OK(heim_core_received(core, end->id, bytes, (size_t)count, &error));
  }
}

static void start_tls(const heim_action* action) {
  struct end* end = find(action->connection);
  end->ssl = SSL_new(action->as_server ? as_server : as_client);
  CHECK(end->ssl);
  end->in = BIO_new(BIO_s_mem());
  end->out = BIO_new(BIO_s_mem());
  SSL_set_bio(end->ssl, end->in, end->out);
  if (action->as_server) {
    SSL_set_accept_state(end->ssl);
  } else {
    CHECK(action->verify == HEIM_TLS_FULL && strcmp(action->host, "localhost") == 0);
    SSL_set_connect_state(end->ssl);
    CHECK(SSL_set1_host(end->ssl, action->host));
  }
  if (action->length) BIO_write(end->in, action->data, (int)action->length);
  look_within(end);
}

static void send_out(const heim_action* action) {
  struct end* end = find(action->connection);
  const size_t length = action->length;
  heim_error error;
  if (end->ssl) {
    CHECK(SSL_write(end->ssl, action->data, (int)length) == (int)length);
    flush(end);
  } else {
    send_all(end, action->data, length);
  }
  OK(heim_core_sent(core, end->id, length, &error));
}

static void dial(const heim_action* action) {
  struct sockaddr_in address = local_address((int)action->port);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  heim_error error;
  CHECK(connect(fd, (struct sockaddr*)&address, sizeof address) == 0);
  add(action->connection, fd);
  OK(heim_core_connected(core, action->connection, NULL, &error));
}

static void hang_up(const heim_action* action) {
  struct end* end = find(action->connection);
  SSL_free(end->ssl);
  close(end->fd);
  end->id = 0;
}

static void act(void) {
  heim_action action = HEIM_ACTION_INIT;
  heim_error error;
  for (;;) {
    OK(heim_core_next_action(core, &action, &error));
    if (action.kind == HEIM_ACTION_NONE) return;
    if (action.kind == HEIM_ACTION_CONNECT) dial(&action);
    if (action.kind == HEIM_ACTION_SEND) send_out(&action);
    if (action.kind == HEIM_ACTION_START_TLS) start_tls(&action);
    if (action.kind == HEIM_ACTION_CLOSE) hang_up(&action);
    if (action.kind == HEIM_ACTION_LOG && getenv("HEIM_TEST_LOG"))
      fprintf(stderr, "%s\n", action.text);
  }
}

static void read_in(struct end* end) {
  char bytes[4096];
  heim_error error;
  const ssize_t count = recv(end->fd, bytes, sizeof bytes, 0);
  if (count <= 0) {
    OK(heim_core_ended(core, end->id, NULL, &error));
    shutdown(end->fd, SHUT_RDWR);
  } else if (end->ssl) {
    BIO_write(end->in, bytes, (int)count);
    look_within(end);
  } else {
    OK(heim_core_received(core, end->id, bytes, (size_t)count, &error));
  }
}

static uint64_t clock_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void turn(int listener) {
  struct pollfd fds[MOST + 1];
  heim_peer peer = HEIM_PEER_INIT;
  heim_error error;
  uint64_t id;
  int i;
  for (i = 0; i < MOST; ++i) {
    fds[i].fd = ends[i].id ? ends[i].fd : -1;
    fds[i].events = POLLIN;
  }
  fds[MOST].fd = listener;
  fds[MOST].events = POLLIN;
  CHECK(poll(fds, MOST + 1, 50) >= 0);
  OK(heim_core_advance(core, clock_now(), &error));
  for (i = 0; i < MOST; ++i) {
    if (fds[i].fd >= 0 && ends[i].id && fds[i].revents) read_in(&ends[i]);
    act();
  }
  if (fds[MOST].revents) {
    peer.address = "127.0.0.1:40000";
    OK(heim_core_accept(core, &peer, &id, &error));
    add(id, accept(listener, NULL, NULL));
  }
  act();
}

/* ---- the client, on a thread of its own ---- */

struct client {
  char conninfo[1000];
  int done; /* of both threads */
};

static void* ask(void* argument) {
  struct client* client = argument;
  PGconn* connection = PQconnectdb(client->conninfo);
  PGresult* result;
  if (PQstatus(connection) != CONNECTION_OK) fprintf(stderr, "%s", PQerrorMessage(connection));
  CHECK(PQstatus(connection) == CONNECTION_OK && PQsslInUse(connection));
  result = PQexec(connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
  CHECK(PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), "t") == 0);
  PQclear(result);
  result = PQexec(connection, "SELECT repeat('x', 1000000)");
  CHECK(PQntuples(result) == 1 && PQgetlength(result, 0, 0) == 1000000);
  PQclear(result);
  PQfinish(connection);
  __atomic_store_n(&client->done, 1, __ATOMIC_RELEASE);
  return NULL;
}

static SSL_CTX* context(const SSL_METHOD* method, const char* directory) {
  char certificate[500], key[500], ca[500];
  SSL_CTX* made = SSL_CTX_new(method);
  snprintf(certificate, sizeof certificate, "%s/server.crt", directory);
  snprintf(key, sizeof key, "%s/server.key", directory);
  snprintf(ca, sizeof ca, "%s/ca.crt", directory);
  CHECK(made && SSL_CTX_load_verify_locations(made, ca, NULL));
  if (method == TLS_server_method()) {
    CHECK(SSL_CTX_use_certificate_file(made, certificate, SSL_FILETYPE_PEM) == 1);
    CHECK(SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) == 1);
  } else {
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER, NULL);
  }
  return made;
}

static void open_core(const char* directory, const char* port) {
  heim_core_options options = HEIM_CORE_OPTIONS_INIT;
  unsigned char hash[EVP_MAX_MD_SIZE];
  heim_config* config = NULL;
  heim_error error;
  char text[3000];
  options.tls = 1;
  options.endpoint_hash_length = hash_of(SSL_CTX_get0_certificate(as_server), hash);
  options.endpoint_hash = hash;
  snprintf(text, sizeof text,
           "[proxy]\nlisten_address = []\n"
           "[[nodes]]\nhost = \"localhost\"\nport = %s\nrole = \"primary\"\n"
           "[auth]\ntype = \"scram-sha-256\"\nfile = \"%s/users.txt\"\n"
           "[client_tls]\nmode = \"require\"\ncert_file = \"%s/server.crt\"\n"
           "key_file = \"%s/server.key\"\n"
           "[server_tls]\nmode = \"verify-full\"\nca_file = \"%s/ca.crt\"\n",
           port, directory, directory, directory, directory);
  OK(heim_config_new(&config, &error));
  OK(heim_config_load_text(config, text, strlen(text), HEIM_CONFIG_TOML, &error));
  OK(heim_core_new(config, &options, clock_now(), &core, &error));
  heim_config_free(config);
}

int main(int argc, char** argv) {
  const char* directory = argv[argc - 2];
  static struct client client;
  struct sockaddr_in address = local_address(0);
  socklen_t size = sizeof address;
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  pthread_t thread;
  int i;
  as_server = context(TLS_server_method(), directory);
  as_client = context(TLS_client_method(), directory);
  open_core(directory, argv[argc - 1]);
  CHECK(bind(listener, (struct sockaddr*)&address, size) == 0 && listen(listener, 8) == 0);
  CHECK(getsockname(listener, (struct sockaddr*)&address, &size) == 0);
  snprintf(client.conninfo, sizeof client.conninfo,
           "host=localhost hostaddr=127.0.0.1 port=%d user=app password=app-secret dbname=postgres "
           "sslmode=verify-full sslrootcert=%s/ca.crt channel_binding=require",
           ntohs(address.sin_port), directory);
  CHECK(pthread_create(&thread, NULL, ask, &client) == 0);
  while (!__atomic_load_n(&client.done, __ATOMIC_ACQUIRE)) turn(listener);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(handshakes_served == 1 && handshakes_made >= 1);
  heim_core_free(core);
  for (i = 0; i < MOST; ++i) {
    if (ends[i].id) SSL_free(ends[i].ssl), close(ends[i].fd);
  }
  close(listener);
  SSL_CTX_free(as_server);
  SSL_CTX_free(as_client);
  return 0;
}
