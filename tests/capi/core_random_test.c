/* A program that tells a core anything at any moment, from a seed: what makes sense, what comes too
 * late, what is garbage. Each call goes well, or says that it is wrong; the core lives on.
 *
 *   core_random_test [FIRST LAST]      seeds */
#include "check.h"
#include "heimproxy/core.h"

#define OK(call) CHECK_STATUS(call, HEIM_OK, &error)

static const char configuration[] =
    "[proxy]\nlisten_address = []\npool_size = 2\n[auth]\ntype = \"trust\"\n"
    "[client_tls]\nmode = \"prefer\"\ncert_file = \"c\"\nkey_file = \"k\"\n"
    "[timeouts]\nquery_wait_timeout = \"3s\"\n"
    "[[nodes]]\nname = \"one\"\nhost = \"192.0.2.1\"\nrole = \"primary\"\n"
    "[[nodes]]\nname = \"two\"\nhost = \"192.0.2.2\"\nrole = \"auto\"\n";

struct piece {
  const char* bytes;
  size_t length;
};
#define PIECE(text) \
  { text, sizeof text - 1 }

static const struct piece startup = PIECE("\0\0\0\35\0\3\0\0user\0app\0database\0d\0\0");
static const struct piece no_tls = PIECE("N");
static const struct piece welcome = PIECE(
    "R\0\0\0\10\0\0\0\0S\0\0\0\26server_version\00015\0S\0\0\0\31client_encoding\0UTF8\0"
    "K\0\0\0\14\0\0\0\1\0\0\0\2Z\0\0\0\5I");

static const struct piece of_clients[] = {
    PIECE("Q\0\0\0\15SELECT 1\0"),
    PIECE("Q\0\0\0\12BEGIN\0"),
    PIECE("P\0\0\0\21s\0SELECT 1\0\0\0B\0\0\0\15\0s\0\0\0\0\0\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4"),
    PIECE("Q\0\0\0\26COPY t FROM STDIN\0"),
    PIECE("d\0\0\0\10row\nc\0\0\0\4"),
    PIECE("Q\0\0\0\14ROLLBACK"),
    PIECE("X\0\0\0\4"),
};

static const struct piece of_servers[] = {
    PIECE("C\0\0\0\15SELECT 1\0Z\0\0\0\5I"),
    PIECE("C\0\0\0\15SELECT 1\0Z\0\0\0\5I"),
    PIECE("C\0\0\0\12BEGIN\0Z\0\0\0\5T"),
    PIECE("1\0\0\0\0042\0\0\0\4C\0\0\0\15SELECT 1\0Z\0\0\0\5I"),
    PIECE("D\0\0\0\13\0\1\0\0\0\1x"),
    PIECE("E\0\0\0\34SERROR\0C42601\0Mwrong\0\0Z\0\0\0\5I"),
    PIECE("G\0\0\0\7\0\0\0"),
    PIECE("E\0\0\0\33SFATAL\0C57P01\0Mgone\0\0"),
};

/* For nobody in particular. */
static const struct piece odd[] = {
    PIECE("\0\0\0\10\4\322\26\57"), PIECE("\0\0\0\20\4\322\26\56\0\0\0\1\0\0\0\2"), PIECE("S"),
    PIECE("\26\3\1\0\5hello"),      PIECE("garbage, of no protocol at all"),
};

static uint64_t state;

static uint64_t draw(uint64_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state % below;
}

static heim_core* core;
static heim_error error;
static uint64_t now, last;

#define MOST 4096
enum role { CLIENT, STARTED, SERVER };
static enum role roles[MOST];
static size_t greeted; /* clients that were told that they are in */

#define ANY_OF(list) (&list[draw(sizeof list / sizeof *list)])

static heim_status give(uint64_t id, const struct piece* piece) {
  const size_t length = draw(20) ? piece->length : draw(piece->length + 1);
  return heim_core_received(core, id, piece->bytes, length, &error);
}

static heim_status receive(uint64_t id) {
  const enum role role = roles[id % MOST];
  if (draw(20) == 0) return give(id, ANY_OF(odd));
  if (role == SERVER) return give(id, ANY_OF(of_servers));
  if (role == STARTED) return give(id, ANY_OF(of_clients));
  roles[id % MOST] = STARTED;
  return give(id, &startup);
}

/* Mostly as a server would. */
static heim_status answer(uint64_t id, const char* bytes, size_t length) {
  const int logs_in = length > 8 && bytes[0] == 0;
  const heim_status status = heim_core_sent(core, id, length, &error);
  if (roles[id % MOST] != SERVER) greeted += bytes[0] == 'R';
  if (status != HEIM_OK || roles[id % MOST] != SERVER) return status;
  if (bytes[0] == 0) return give(id, logs_in ? &welcome : &no_tls);
  return draw(4) ? give(id, ANY_OF(of_servers)) : HEIM_OK;
}

static heim_status connect_it(uint64_t id) {
  roles[id % MOST] = SERVER;
  if (draw(10) == 0) return heim_core_ended(core, id, "refused", &error);
  return draw(10) ? heim_core_connected(core, id, NULL, &error) : HEIM_OK;
}

static heim_status take(uint64_t count) {
  heim_action action = HEIM_ACTION_INIT;
  heim_status status = HEIM_OK;
  while (count-- > 0 && status == HEIM_OK) {
    status = heim_core_next_action(core, &action, &error);
    if (status != HEIM_OK || action.kind == HEIM_ACTION_NONE) break;
    if (action.connection > last) last = action.connection;
    if (action.kind == HEIM_ACTION_CONNECT) status = connect_it(action.connection);
    if (action.kind != HEIM_ACTION_SEND || draw(10) == 0) continue;
    {
      char bytes[4096];
      const size_t length = action.length < sizeof bytes ? action.length : sizeof bytes;
      memcpy(bytes, action.data, length);
      status = answer(action.connection, bytes, length);
    }
  }
  return status;
}

/* ---- one of these, with a connection that may be any ---- */

static heim_status send_some(uint64_t id) {
  const void* data;
  size_t length = 0;
  const heim_status status = heim_core_unsent(core, id, &data, &length, &error);
  if (status != HEIM_OK) return status;
  return heim_core_sent(core, id, draw(length + 2), &error);
}

static heim_status let_in(uint64_t id) {
  heim_peer peer = HEIM_PEER_INIT;
  heim_status status;
  peer.address = draw(3) ? "192.0.2.7:1" : NULL;
  status = heim_core_accept(core, &peer, &id, &error);
  if (status != HEIM_OK) return status;
  roles[id % MOST] = CLIENT;
  last = id;
  return status;
}

static heim_status connected(uint64_t id) { return heim_core_connected(core, id, NULL, &error); }

static heim_status end(uint64_t id) {
  return draw(3) ? HEIM_OK : heim_core_ended(core, id, draw(2) ? "reset" : NULL, &error);
}

static heim_status secured(uint64_t id) {
  const heim_tls tls = HEIM_TLS_INIT;
  return heim_core_secured(core, id, &tls, &error);
}

static heim_status pass_time(uint64_t id) {
  (void)id;
  now += draw(10) ? draw(50000000) : draw(5000000000);
  return heim_core_advance(core, now, &error);
}

static heim_status tell_node(uint64_t id) {
  heim_node_state node = HEIM_NODE_STATE_INIT;
  uint64_t sample = id;
  if (draw(4)) return HEIM_OK;
  node.role = (heim_role)draw(3);
  node.is_down = draw(4) == 0;
  node.lsn = draw(3);
  if (draw(2)) OK(heim_core_sample_begin(core, &sample, &error));
  if (draw(2)) return heim_core_sample_end(core, sample, draw(3), &error);
  return heim_core_set_node(core, draw(2) ? "one" : "two", &node, &error);
}

static heim_status show(uint64_t id) {
  static const char* const what[] = {"POOLS", "CLIENTS", "SERVERS", "NODES", "LEDGER", "NONE"};
  const char* json;
  (void)id;
  return draw(10) ? HEIM_OK : heim_core_show(core, what[draw(6)], &json, &error);
}

static heim_status stop(uint64_t id) {
  (void)id;
  return draw(500) ? HEIM_OK : heim_core_stop(core, (heim_stop)draw(4), &error);
}

static heim_status act(uint64_t id) {
  (void)id;
  return take(draw(20));
}

static heim_status (*const calls[])(uint64_t id) = {
    let_in,  connected, end,     secured, send_some, send_some, pass_time, tell_node,
    show,    stop,      act,     act,     act,       act,       receive,   receive,
    receive, receive,   receive, receive, receive,   receive,   receive,   receive};

static heim_status anything(void) {
  const uint64_t recent = last > 10 ? last - 10 : 0;
  const uint64_t id = draw(20) ? 1 + recent + draw(last - recent + 1) : 1 + draw(last + 2);
  return (*ANY_OF(calls))(id);
}

static void run(uint64_t seed) {
  heim_core_options options = HEIM_CORE_OPTIONS_INIT;
  heim_config* config = NULL;
  int step;
  state = seed * 0x9e3779b97f4a7c15u + 1;
  now = last = 0;
  options.tls = seed % 2 == 0;
  OK(heim_config_new(&config, &error));
  OK(heim_config_load_text(config, configuration, sizeof configuration - 1, HEIM_CONFIG_TOML,
                           &error));
  OK(heim_core_new(config, &options, now, &core, &error));
  heim_config_free(config);
  for (step = 0; step < 1000; ++step) {
    const heim_status status = anything();
    if (status == HEIM_OK || status == HEIM_INVALID_ARGUMENT || status == HEIM_STATE ||
        status == HEIM_SERVER) {
      continue;
    }
    fprintf(stderr, "seed %d, step %d: status %d, %s\n", (int)seed, step, (int)status,
            error.message);
    exit(1);
  }
  /* It is not broken. */
  OK(heim_core_advance(core, now, &error));
  heim_core_free(core);
}

int main(int argc, char** argv) {
  const uint64_t first = argc > 2 ? strtoull(argv[1], NULL, 10) : 1;
  const uint64_t final = argc > 2 ? strtoull(argv[2], NULL, 10) : 200;
  uint64_t seed;
  for (seed = first; seed <= final; ++seed) run(seed);
  printf("%d clients were let in\n", (int)greeted);
  return greeted > final - first ? 0 : 1;
}
