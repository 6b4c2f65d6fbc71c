/* What a core says to calls that are wrong, to bytes of a client that is no socket, to what it is
 * told of TLS and of nodes. Time stands still here unless it is told. */
#include "heimproxy/core.h"
#include "loop_client.h"

#define MUST_FAIL(call, status) CHECK_STATUS(call, status, &error)

#define NO_AUTH                    \
  "[proxy]\nlisten_address = []\n" \
  "[[nodes]]\nname = \"one\"\nhost = \"192.0.2.1\"\nrole = \"primary\"\n"

static const char no_auth[] = NO_AUTH;
static const char plain[] = NO_AUTH "[auth]\ntype = \"trust\"\n";
static const char backend[] =
    "[proxy]\nlisten_address = []\n[[nodes]]\nbackend = \"lite\"\nrole = \"primary\"\n";

static heim_status make(const char* text, const heim_core_options* options, uint64_t now,
                        heim_core** core, heim_error* error) {
  heim_config* config = NULL;
  heim_status status;
  CHECK(heim_config_new(&config, error) == HEIM_OK);
  status = heim_config_load_text(config, text, strlen(text), HEIM_CONFIG_TOML, error);
  if (status != HEIM_OK) fprintf(stderr, "%s\n", heim_config_diagnostics(config));
  CHECK(status == HEIM_OK);
  status = heim_core_new(config, options, now, core, error);
  heim_config_free(config);
  return status;
}

static heim_core* made(const char* text, const heim_core_options* options) {
  heim_core* core = NULL;
  heim_error error;
  OK(make(text, options, 0, &core, &error));
  return core;
}

/* The next action that is no line for the log. */
static heim_action next(heim_core* core) {
  heim_action action = HEIM_ACTION_INIT;
  heim_error error;
  do {
    OK(heim_core_next_action(core, &action, &error));
  } while (action.kind == HEIM_ACTION_LOG);
  return action;
}

static heim_action expect(heim_core* core, heim_action_kind kind, uint64_t connection) {
  const heim_action action = next(core);
  if (action.kind != kind || action.connection != connection) {
    fprintf(stderr, "action %d of connection %d, and not %d of %d\n", (int)action.kind,
            (int)action.connection, (int)kind, (int)connection);
    exit(1);
  }
  return action;
}

static void all_sent(heim_core* core, const heim_action* action) {
  heim_error error;
  OK(heim_core_sent(core, action->connection, action->length, &error));
}

static uint64_t accepted(heim_core* core, const char* address) {
  heim_peer peer = HEIM_PEER_INIT;
  heim_error error;
  uint64_t id = 0;
  peer.address = address;
  OK(heim_core_accept(core, &peer, &id, &error));
  return id;
}

static const char ssl_request[] = "\0\0\0\10\4\322\26\57";
static const char startup[] = "\0\0\0\35\0\3\0\0user\0app\0database\0d\0";
enum { startup_size = sizeof startup };

static void give(heim_core* core, uint64_t id, const char* bytes, size_t length) {
  heim_error error;
  OK(heim_core_received(core, id, bytes, length, &error));
}

/* ---- what is wrong from the beginning ---- */

static void test_made(void) {
  heim_core_options options = HEIM_CORE_OPTIONS_INIT;
  heim_core* core = NULL;
  heim_config* config = NULL;
  heim_error error;
  char text[1000];
  OK(heim_config_new(&config, &error));
  MUST_FAIL(heim_core_new(config, NULL, 0, &core, &error), HEIM_STATE);
  MUST_FAIL(heim_core_new(NULL, NULL, 0, &core, &error), HEIM_INVALID_ARGUMENT);
  heim_config_free(config);
  MUST_FAIL(make(plain, NULL, UINT64_MAX, &core, &error), HEIM_INVALID_ARGUMENT);
  options.log_level = (heim_log_level)9;
  MUST_FAIL(make(plain, &options, 0, &core, &error), HEIM_INVALID_ARGUMENT);
  options.struct_size = 3;
  MUST_FAIL(make(plain, &options, 0, &core, &error), HEIM_INVALID_ARGUMENT);
  snprintf(text, sizeof text, "%s[server_tls]\nmode = \"require\"\n", plain);
  MUST_FAIL(make(text, NULL, 0, &core, &error), HEIM_CONFIG);
  CHECK_HAS(error.message, "server_tls.mode");
  snprintf(text, sizeof text, "%s[auth]\nfile = \"/nowhere/users.txt\"\n", no_auth);
  MUST_FAIL(make(text, NULL, 0, &core, &error), HEIM_CONFIG);
  CHECK_HAS(error.message, "/nowhere/users.txt");
  MUST_FAIL(make(backend, NULL, 0, &core, &error), HEIM_CONFIG);
  CHECK_HAS(error.message, "backend");
  CHECK(core == NULL);
  heim_core_free(NULL);
}

/* ---- misuse: a table of calls, none of which changes anything ---- */

struct misuse {
  const char* what;
  heim_status (*call)(heim_core* core, heim_error* error);
  heim_status wanted;
};

/* At that moment 1 is a client that is paused and has ended, 2 one in the midst of its startup, 3
 * one that was closed and taken. */
static heim_status unknown_id(heim_core* core, heim_error* error) {
  return heim_core_received(core, 99, "x", 1, error);
}
static heim_status taken_id(heim_core* core, heim_error* error) {
  return heim_core_received(core, 3, "x", 1, error);
}
static heim_status no_data(heim_core* core, heim_error* error) {
  return heim_core_received(core, 2, NULL, 1, error);
}
static heim_status no_core(heim_core* core, heim_error* error) {
  (void)core;
  return heim_core_received(NULL, 2, "x", 1, error);
}
static heim_status connected_client(heim_core* core, heim_error* error) {
  return heim_core_connected(core, 2, NULL, error);
}
static heim_status secured_in_plain(heim_core* core, heim_error* error) {
  const heim_tls tls = HEIM_TLS_INIT;
  return heim_core_secured(core, 2, &tls, error);
}
static heim_status sent_too_much(heim_core* core, heim_error* error) {
  return heim_core_sent(core, 2, 1, error);
}
static heim_status into_the_past(heim_core* core, heim_error* error) {
  return heim_core_advance(core, 999, error);
}
static heim_status too_far(heim_core* core, heim_error* error) {
  return heim_core_advance(core, UINT64_MAX, error);
}
static heim_status no_address(heim_core* core, heim_error* error) {
  heim_peer peer = HEIM_PEER_INIT;
  uint64_t id;
  peer.address = "nowhere";
  return heim_core_accept(core, &peer, &id, error);
}
static heim_status no_peer(heim_core* core, heim_error* error) {
  uint64_t id;
  return heim_core_accept(core, NULL, &id, error);
}
static heim_status no_node(heim_core* core, heim_error* error) {
  const heim_node_state state = HEIM_NODE_STATE_INIT;
  return heim_core_set_node(core, "two", &state, error);
}
static heim_status primary_lsn(heim_core* core, heim_error* error) {
  heim_node_state state = HEIM_NODE_STATE_INIT;
  state.lsn = 1;
  return heim_core_set_node(core, "one", &state, error);
}
static heim_status no_sample(heim_core* core, heim_error* error) {
  return heim_core_sample_end(core, 7, 1, error);
}
static heim_status no_way_to_stop(heim_core* core, heim_error* error) {
  return heim_core_stop(core, (heim_stop)7, error);
}
static heim_status small_action(heim_core* core, heim_error* error) {
  heim_action action = HEIM_ACTION_INIT;
  action.struct_size = 0;
  return heim_core_next_action(core, &action, error);
}

static heim_status no_show(heim_core* core, heim_error* error) {
  const char* json;
  return heim_core_show(core, "NONSENSE", &json, error);
}

static const struct misuse misuses[] = {
    {"an unknown connection", unknown_id, HEIM_INVALID_ARGUMENT},
    {"one that was closed", taken_id, HEIM_INVALID_ARGUMENT},
    {"no bytes", no_data, HEIM_INVALID_ARGUMENT},
    {"no core", no_core, HEIM_INVALID_ARGUMENT},
    {"a client is connected", connected_client, HEIM_STATE},
    {"no handshake", secured_in_plain, HEIM_STATE},
    {"more than there was", sent_too_much, HEIM_INVALID_ARGUMENT},
    {"the past", into_the_past, HEIM_INVALID_ARGUMENT},
    {"the far future", too_far, HEIM_INVALID_ARGUMENT},
    {"no address", no_address, HEIM_INVALID_ARGUMENT},
    {"no peer", no_peer, HEIM_INVALID_ARGUMENT},
    {"no such node", no_node, HEIM_INVALID_ARGUMENT},
    {"a primary's position", primary_lsn, HEIM_INVALID_ARGUMENT},
    {"no such sample", no_sample, HEIM_INVALID_ARGUMENT},
    {"no way to stop", no_way_to_stop, HEIM_INVALID_ARGUMENT},
    {"nothing to show", no_show, HEIM_SERVER},
    {"an action without a size", small_action, HEIM_INVALID_ARGUMENT},
};

static void test_misuse(void) {
  heim_core* core = made(plain, NULL);
  heim_action action;
  heim_error error;
  size_t i;
  OK(heim_core_advance(core, 1000, &error));
  CHECK(accepted(core, "127.0.0.1:1") == 1 && accepted(core, "[::1]:2") == 2);
  CHECK(accepted(core, NULL) == 3);
  give(core, 2, startup, 6);
  OK(heim_core_ended(core, 3, NULL, &error));
  expect(core, HEIM_ACTION_CLOSE, 3);
  for (i = 0; i < sizeof misuses / sizeof *misuses; ++i) {
    const heim_status status = misuses[i].call(core, &error);
    if (status == misuses[i].wanted && error.message[0]) continue;
    fprintf(stderr, "%s: status %d, %s\n", misuses[i].what, (int)status, error.message);
    exit(1);
  }
  expect(core, HEIM_ACTION_NONE, 0);
  /* And the client goes on where it was. */
  give(core, 2, startup + 6, startup_size - 6);
  action = expect(core, HEIM_ACTION_CONNECT, 4);
  CHECK(strcmp(action.node, "one") == 0 && strcmp(action.host, "192.0.2.1") == 0);
  CHECK(action.port == 5432);
  MUST_FAIL(heim_core_received(core, 4, "x", 1, &error), HEIM_STATE);
  OK(heim_core_ended(core, 4, "no route", &error));
  OK(heim_core_received(core, 4, "x", 1, &error)); /* its CLOSE is not taken yet */
  OK(heim_core_ended(core, 4, NULL, &error));
  expect(core, HEIM_ACTION_CLOSE, 4);
  MUST_FAIL(heim_core_ended(core, 4, NULL, &error), HEIM_INVALID_ARGUMENT);
  heim_core_free(core);
}

/* ---- bytes one by one, all at once, and against PAUSE ---- */

static void test_wrong_protocol(void) {
  heim_core* core = made(plain, NULL);
  const uint64_t id = accepted(core, "192.0.2.7:4000");
  heim_action action;
  give(core, id, "GET / HTTP/1.1\r\n\r\n", 18);
  action = expect(core, HEIM_ACTION_SEND, id);
  CHECK(action.length > 0 && *(const char*)action.data == 'E');
  expect(core, HEIM_ACTION_NONE, 0); /* not closed before it is sent */
  all_sent(core, &action);
  expect(core, HEIM_ACTION_CLOSE, id);
  CHECK(heim_core_deadline_ns(core) == HEIM_FOREVER);
  heim_core_free(core);
}

/* What cannot be sent is not waited for without end. */
static void test_linger(void) {
  heim_core* core = made(plain, NULL);
  const uint64_t id = accepted(core, "192.0.2.7:4000");
  uint64_t now = 0;
  heim_error error;
  give(core, id, "GET / HTTP/1.1\r\n\r\n", 18);
  expect(core, HEIM_ACTION_SEND, id);
  OK(heim_core_sent(core, id, 1, &error));
  while (heim_core_deadline_ns(core) != HEIM_FOREVER && now < 6000000000u) {
    now = heim_core_deadline_ns(core);
    OK(heim_core_advance(core, now, &error));
    if (next(core).kind == HEIM_ACTION_CLOSE) break;
  }
  CHECK(now >= 5000000000u && now < 6000000000u);
  heim_core_free(core);
}

/* It waits for a server in the midst of its login, and is not to be read. */
static void test_kept(void) {
  static char many[1 << 20];
  heim_core* core = made(plain, NULL);
  const uint64_t id = accepted(core, "127.0.0.1:1");
  heim_error error;
  int i, pauses = 0;
  heim_status status = HEIM_OK;
  for (i = 0; i < startup_size; ++i) give(core, id, startup + i, 1);
  expect(core, HEIM_ACTION_CONNECT, 2);
  memset(many, 'Q', sizeof many);
  for (i = 0; i < 100 && status == HEIM_OK; ++i) {
    heim_action action;
    status = heim_core_received(core, id, many, sizeof many, &error);
    do {
      action = next(core);
      pauses += action.kind == HEIM_ACTION_PAUSE;
      CHECK(action.kind != HEIM_ACTION_RESUME);
    } while (action.kind != HEIM_ACTION_NONE && action.kind != HEIM_ACTION_CLOSE);
    if (action.kind == HEIM_ACTION_CLOSE) break;
  }
  CHECK(status == HEIM_STATE && pauses == 1 && i < 10);
  OK(heim_core_ended(core, id, "reset", &error));
  heim_core_free(core);
}

static const char let_in[] =
    "R\0\0\0\10\0\0\0\0S\0\0\0\26server_version\00015\0"
    "S\0\0\0\31client_encoding\0UTF8\0K\0\0\0\14\0\0\0\1\0\0\0\2Z\0\0\0\5I";
static const char second[] = "Q\0\0\0\21SELECT 'two'";

/* Client 1 has logged in by server 2. */
static heim_core* logged_in(void) {
  heim_core* core = made(plain, NULL);
  heim_action action;
  heim_error error;
  give(core, accepted(core, "127.0.0.1:1"), startup, startup_size);
  expect(core, HEIM_ACTION_CONNECT, 2);
  OK(heim_core_connected(core, 2, NULL, &error));
  action = expect(core, HEIM_ACTION_SEND, 2);
  all_sent(core, &action);
  give(core, 2, let_in, sizeof let_in - 1);
  action = expect(core, HEIM_ACTION_SEND, 1);
  CHECK(*(const char*)action.data == 'R');
  all_sent(core, &action);
  expect(core, HEIM_ACTION_NONE, 0);
  return core;
}

/* What came in spite of PAUSE is neither lost nor late, and the end comes behind it. */
static void test_order(void) {
  static char large[200000];
  heim_core* core = logged_in();
  heim_action action;
  heim_error error;
  const char* behind;
  size_t went;
  memset(large, ' ', sizeof large);
  memcpy(large, "Q\0\3\15\77SELECT 1", 13); /* 199,999 bytes behind the letter */
  large[sizeof large - 1] = '\0';
  give(core, 1, large, sizeof large);
  action = expect(core, HEIM_ACTION_SEND, 2);
  went = action.length;
  OK(heim_core_sent(core, 2, 1, &error));
  expect(core, HEIM_ACTION_PAUSE, 1);
  give(core, 1, second, sizeof second);
  OK(heim_core_ended(core, 1, NULL, &error));
  MUST_FAIL(heim_core_received(core, 1, "x", 1, &error), HEIM_STATE);
  MUST_FAIL(heim_core_ended(core, 1, NULL, &error), HEIM_STATE);
  expect(core, HEIM_ACTION_NONE, 0);
  OK(heim_core_sent(core, 2, went - 1, &error));
  action = expect(core, HEIM_ACTION_SEND, 2);
  CHECK(went + action.length == sizeof large + sizeof second);
  behind = (const char*)action.data + action.length - sizeof second;
  CHECK(memcmp(behind, second, sizeof second) == 0);
  expect(core, HEIM_ACTION_CLOSE, 1);
  heim_core_free(core);
}

/* ---- TLS is the program's ---- */

static const char with_tls[] =
    "[proxy]\nlisten_address = []\n[auth]\ntype = \"trust\"\n"
    "[client_tls]\nmode = \"require\"\ncert_file = \"c\"\nkey_file = \"k\"\n"
    "[server_tls]\nmode = \"verify-full\"\nca_file = \"ca\"\n"
    "[[nodes]]\nname = \"one\"\nhost = \"db.example\"\nrole = \"primary\"\n";

static void test_tls(void) {
  heim_core_options options = HEIM_CORE_OPTIONS_INIT;
  heim_tls facts = HEIM_TLS_INIT;
  heim_core* core;
  heim_action action;
  heim_error error;
  uint64_t id;
  options.tls = 1;
  facts.version = "TLSv1.3";
  core = made(with_tls, &options);
  id = accepted(core, "192.0.2.7:4000");
  give(core, id, ssl_request, 8);
  action = expect(core, HEIM_ACTION_SEND, id);
  CHECK(action.length == 1 && *(const char*)action.data == 'S');
  expect(core, HEIM_ACTION_NONE, 0); /* no handshake before that is sent */
  all_sent(core, &action);
  give(core, id, "hello", 5); /* came before the action was taken */
  action = expect(core, HEIM_ACTION_START_TLS, id);
  CHECK(action.as_server && action.length == 5 && memcmp(action.data, "hello", 5) == 0);
  MUST_FAIL(heim_core_received(core, id, "x", 1, &error), HEIM_STATE);
  OK(heim_core_secured(core, id, &facts, &error));
  MUST_FAIL(heim_core_secured(core, id, &facts, &error), HEIM_STATE);
  give(core, id, startup, startup_size);
  action = expect(core, HEIM_ACTION_CONNECT, 2);
  OK(heim_core_connected(core, 2, NULL, &error));
  action = expect(core, HEIM_ACTION_SEND, 2);
  CHECK(action.length == 8 && memcmp(action.data, ssl_request, 8) == 0);
  all_sent(core, &action);
  give(core, 2, "S", 1);
  action = expect(core, HEIM_ACTION_START_TLS, 2);
  CHECK(!action.as_server && action.verify == HEIM_TLS_FULL);
  CHECK(strcmp(action.host, "db.example") == 0);
  OK(heim_core_secured(core, 2, &facts, &error));
  action = expect(core, HEIM_ACTION_SEND, 2);
  CHECK(action.length > 8 && memcmp((const char*)action.data + 4, "\0\3\0\0", 4) == 0);
  /* A client that wants none is refused, as the configuration says. */
  id = accepted(core, "192.0.2.8:4000");
  give(core, id, startup, startup_size);
  action = expect(core, HEIM_ACTION_SEND, id);
  CHECK(action.length > 0 && *(const char*)action.data == 'E');
  heim_core_free(core);
}

/* ---- reads go to a standby that is told to have all ---- */

#define TWO                                                                          \
  "[proxy]\nlisten_address = []\n[auth]\ntype = \"trust\"\n"                         \
  "[[nodes]]\nname = \"one\"\nhost = \"127.0.0.1\"\nport = %d\nrole = \"primary\"\n" \
  "[[nodes]]\nname = \"two\"\nhost = \"localhost\"\nport = %d\nrole = \"standby\"\n" \
  "[routing]\nreads = \"standby\"\n"                                                 \
  "[[databases]]\nname = \"postgres\"\nuser = \"app\"\npassword = \"app-secret\"\n"

static void tell(struct loop* loop, uint64_t primary, uint64_t standby) {
  heim_node_state state = HEIM_NODE_STATE_INIT;
  heim_error error;
  uint64_t sample = 0;
  OK(heim_core_sample_begin(loop->core, &sample, &error));
  OK(heim_core_sample_end(loop->core, sample, primary, &error));
  state.lsn = standby;
  OK(heim_core_set_node(loop->core, "two", &state, &error));
}

static void test_nodes(int port) {
  struct loop* loop = loop_open(TWO, port, NULL);
  PGconn* client = client_ready(loop, NULL);
  static const char read[] = "SELECT count(*) FROM places";
  const char* json = NULL;
  heim_error error;
  uint64_t lsn;
  CHECK(loop->samples == 1);
  CHECK_VALUE(loop, client, "CREATE TABLE places (x int)", "");
  tell(loop, 1000, 999);
  CHECK_VALUE(loop, client, read, "0");
  CHECK(loop_servers(loop, "two") == 0);
  /* Once it has read the catalog; until then a read may have written anything. */
  for (lsn = 1000; loop_servers(loop, "two") == 0; ++lsn) {
    tell(loop, lsn, lsn);
    CHECK_VALUE(loop, client, read, "0");
    loop->skew_ns += 100000000u;
  }
  OK(heim_core_show(loop->core, "NODES", &json, &error));
  CHECK_HAS(json, "\"name\":\"two\",\"host\":\"localhost\"");
  OK(heim_core_show(loop->core, "CLIENTS", &json, &error));
  CHECK_HAS(json, "\"user\":\"app\"");
  OK(heim_core_show(loop->core, "ROUTE FOR DELETE FROM places", &json, &error));
  CHECK_HAS(json, "one");
  CHECK_VALUE(loop, client, "DROP TABLE places", "");
  CHECK(loop->samples >= 2);
  PQfinish(client);
  loop_free(loop);
}

int main(int argc, char** argv) {
  test_made();
  test_misuse();
  test_wrong_protocol();
  test_linger();
  test_kept();
  test_order();
  test_tls();
  test_nodes((int)strtol(argv[argc - 1], NULL, 10));
  return 0;
}
