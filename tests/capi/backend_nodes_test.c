/* Several nodes that are backends: databases and sessions are routed among them, and no node is
 * asked what only PostgreSQL knows. */
#define _POSIX_C_SOURCE 200809L

#include <poll.h>

#include "toys.h"

static int strange; /* statements that no client said */

static int say_first(toy* self, const heim_statement* statement, heim_reply reply) {
  (void)self, (void)statement;
  say_one(reply, "where", "first");
  return 0;
}

static int say_second(toy* self, const heim_statement* statement, heim_reply reply) {
  (void)self, (void)statement;
  say_one(reply, "where", "second");
  return 0;
}

static int say_strange(toy* self, const heim_statement* statement, heim_reply reply) {
  (void)self, (void)reply;
  fprintf(stderr, "strange: %.60s\n", statement->sql);
  bump(&strange);
  return 0;
}

static const toy_word first_words[] = {{"select where_from", say_first}, {NULL, NULL}};
static const toy_word second_words[] = {{"select where_from", say_second}, {NULL, NULL}};

static void first_execute(void* connection, const heim_statement* statement, heim_reply reply,
                          void* user_data) {
  const int known = strncmp(statement->sql, "select where_from", 17) == 0;
  if (!known) say_strange(connection, statement, reply);
  toy_execute(connection, statement, reply, user_data);
}

static heim_proxy* start_two(const char* mode) {
  heim_query_backend first = toy_backend(first_words), second = toy_backend(second_words);
  heim_config* config = NULL;
  heim_proxy* proxy = NULL;
  heim_error error;
  char text[1000];
  snprintf(text, sizeof text,
           "[proxy]\nlisten_address = []\n%s\n[auth]\ntype = \"trust\"\n"
           "[[nodes]]\nbackend = \"first\"\nrole = \"primary\"\n"
           "[[nodes]]\nbackend = \"second\"\nrole = \"standby\"\n"
           "[[databases]]\nname = \"copy\"\nroute = \"standby\"\n[[databases]]\nname = \"*\"\n",
           mode);
  OK(heim_config_new(&config, &error));
  OK(heim_config_load_text(config, text, strlen(text), HEIM_CONFIG_TOML, &error));
  OK(heim_proxy_open(config, NULL, &proxy, &error));
  heim_config_free(config);
  first.execute = second.execute = first_execute;
  OK(heim_proxy_add_query_backend(proxy, "first", &first, &error));
  OK(heim_proxy_add_query_backend(proxy, "second", &second, &error));
  OK(heim_proxy_start(proxy, &error));
  return proxy;
}

static heim_session* routed_client(heim_proxy* proxy, const char* database, const char* route) {
  const char* settings[] = {"heimproxy.route", NULL, NULL};
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  heim_session* session = NULL;
  heim_error error;
  settings[1] = route;
  options.user = "app";
  options.database = database;
  if (route) options.settings = settings;
  OK(heim_session_open(proxy, &options, &session, &error));
  return session;
}

static void check_place(heim_proxy* proxy, const char* database, const char* route,
                        const char* place) {
  heim_session* session = routed_client(proxy, database, route);
  const heim_result* result = ask(session, "select where_from");
  CHECK(is_text(result, 0, 0, place));
  heim_session_close(session);
}

static void test_mode(const char* mode) {
  heim_proxy* proxy = start_two(mode);
  const char* json = NULL;
  heim_session* session;
  heim_error error;
  int i;
  check_place(proxy, "any", NULL, "first");
  check_place(proxy, "copy", NULL, "second");
  session = routed_client(proxy, "any", NULL);
  OK(heim_route_explain(session, "select where_from", &json, &error));
  CHECK_HAS(json, "first");
  /* What the proxy does by itself it does several times a second. */
  for (i = 0; i < 50; ++i) {
    CHECK(is_text(ask(session, "select where_from"), 0, 0, "first"));
    poll(NULL, 0, 10);
  }
  heim_session_close(session);
  heim_proxy_close(proxy);
  CHECK(now(&strange) == 0);
}

int main(void) {
  heim_proxy* proxy;
  test_mode("");
  test_mode("pool_mode = \"transaction\"");
  proxy = start_two("");
  check_place(proxy, "any", "standby", "second");
  heim_proxy_close(proxy);
  CHECK(now(&opened) == now(&closed));
  return 0;
}
