/* The router without a proxy: what statements do, and where they would go. */
#include "heimproxy/parts.h"

#include "check.h"

#define OK(call) CHECK_STATUS(call, HEIM_OK, &error)

static const char configuration[] =
    "[proxy]\nlisten_address = []\n"
    "[[nodes]]\nname = \"one\"\nhost = \"192.0.2.1\"\nrole = \"primary\"\n"
    "[[nodes]]\nname = \"two\"\nhost = \"192.0.2.2\"\nrole = \"standby\"\n"
    "[[users]]\nname = \"lazy\"\nfreshness = \"any\"\n"
    "[[rules]]\nname = \"reports\"\napplication_name = \"reports\"\nroute = \"primary\"\n";

static heim_router* make_router(void) {
  heim_config* config = NULL;
  heim_router* router = NULL;
  heim_error error;
  OK(heim_config_new(&config, &error));
  CHECK_STATUS(heim_router_new(config, "shop", &router, &error), HEIM_STATE, &error);
  OK(heim_config_load_text(config, configuration, strlen(configuration), HEIM_CONFIG_TOML, &error));
  OK(heim_router_new(config, "shop", &router, &error));
  heim_config_free(config);
  return router;
}

static const char* routed(heim_router* router, const char* sql, const char* user,
                          const char* application) {
  heim_route_request request = HEIM_ROUTE_REQUEST_INIT;
  const char* json = NULL;
  heim_error error;
  request.sql = sql;
  request.user = user;
  request.application_name = application;
  OK(heim_router_route(router, &request, &json, &error));
  return json;
}

static void check_node(heim_router* router, const char* sql, const char* node) {
  char wanted[64];
  snprintf(wanted, sizeof wanted, "{\"node\":\"%s\",", node);
  CHECK_HAS(routed(router, sql, NULL, NULL), wanted);
}

static void set_node(heim_router* router, const char* name, uint64_t lsn, int is_down) {
  heim_node_state state = HEIM_NODE_STATE_INIT;
  heim_error error;
  state.lsn = lsn;
  state.is_down = (uint32_t)is_down;
  OK(heim_router_set_node(router, name, &state, &error));
}

static void test_classes(heim_router* router) {
  static const char both[] = "SELECT name FROM items WHERE id = $1; UPDATE stock SET n = $3";
  const char* json = routed(router, both, NULL, NULL);
  CHECK_HAS(json, "\"kinds\":[\"read\",\"write\"]");
  CHECK_HAS(json, "\"reads\":[\"items\"");
  CHECK_HAS(json, "\"writes\":[\"stock\"");
  CHECK_HAS(json, "\"parameters\":3");
  CHECK_HAS(routed(router, "SELECT random()", NULL, NULL), "\"volatile\":true");
  CHECK_HAS(routed(router, "SELECT 1", NULL, NULL), "\"volatile\":false");
  CHECK_HAS(routed(router, "no SQL", NULL, NULL), "\"kinds\":[\"unknown\"]");
  CHECK_HAS(routed(router, "", NULL, NULL), "\"kinds\":[]");
}

/* From nothing known to a standby that has what is read, and back. */
static void test_routes(heim_router* router) {
  static const char read[] = "SELECT * FROM items";
  static const char rows[] = "T\titems\trp\nT\tstock\trp\n";
  heim_error error;
  check_node(router, read, "one");
  CHECK_HAS(routed(router, read, NULL, NULL), "catalog is not known");
  CHECK_STATUS(heim_router_set_catalog(router, "T items", 7, &error), HEIM_INVALID_ARGUMENT,
               &error);
  OK(heim_router_set_catalog(router, rows, strlen(rows), &error));
  check_node(router, read, "one"); /* no position is known */
  set_node(router, "one", 1000, 0);
  set_node(router, "two", 999, 0);
  check_node(router, read, "one");
  set_node(router, "two", 1000, 0);
  check_node(router, read, "two");
  check_node(router, "SELECT * FROM items FOR UPDATE", "one");
  check_node(router, "DELETE FROM items", "one");
  OK(heim_router_note_commit(router, "UPDATE items SET name = 'x'", &error));
  check_node(router, read, "one");
  check_node(router, "SELECT * FROM stock", "two");
  set_node(router, "one", 2000, 0);
  check_node(router, read, "one"); /* the standby has not replayed it */
  set_node(router, "two", 2000, 0);
  check_node(router, read, "two");
  set_node(router, "two", 2000, 1);
  check_node(router, read, "one");
  set_node(router, "two", 0, 0);
  CHECK_HAS(routed(router, read, "lazy", NULL), "{\"node\":\"two\"");
  CHECK_HAS(routed(router, read, "lazy", "reports"), "{\"node\":\"one\"");
  CHECK_HAS(routed(router, read, "lazy", "reports"), "\"what\":\"rule\",\"value\":\"reports\"");
}

static void test_promotion(heim_router* router) {
  heim_node_state state = HEIM_NODE_STATE_INIT;
  heim_error error;
  state.role = HEIM_ROLE_STANDBY;
  OK(heim_router_set_node(router, "one", &state, &error));
  state.role = HEIM_ROLE_PRIMARY;
  state.lsn = 3000;
  OK(heim_router_set_node(router, "two", &state, &error));
  check_node(router, "DELETE FROM items", "two");
  CHECK_STATUS(heim_router_set_node(router, "three", &state, &error), HEIM_INVALID_ARGUMENT,
               &error);
  state.struct_size = 0;
  CHECK_STATUS(heim_router_set_node(router, "two", &state, &error), HEIM_INVALID_ARGUMENT, &error);
}

/* As many as a cluster may have, and one more. */
static void test_many_nodes(void) {
  enum { most = 256, line = 100 };
  static char text[(most + 2) * line];
  heim_config* config = NULL;
  heim_router* router = NULL;
  heim_error error;
  int count;
  OK(heim_config_new(&config, &error));
  for (count = most; count <= most + 1; ++count) {
    size_t length = (size_t)snprintf(text, sizeof text, "[proxy]\nlisten_address = []\n");
    char last[16];
    int i;
    for (i = 0; i < count; ++i) {
      length += (size_t)snprintf(
          text + length, sizeof text - length,
          "[[nodes]]\nname = \"n%d\"\nhost = \"192.0.2.1\"\nport = %d\nrole = \"%s\"\n", i,
          1000 + i, i == count - 1 ? "primary" : "standby");
    }
    OK(heim_config_load_text(config, text, length, HEIM_CONFIG_TOML, &error));
    if (count > most) {
      CHECK_STATUS(heim_router_new(config, "shop", &router, &error), HEIM_CONFIG, &error);
      CHECK_HAS(error.message, "256 nodes");
      continue;
    }
    OK(heim_router_new(config, "shop", &router, &error));
    snprintf(last, sizeof last, "n%d", most - 1);
    check_node(router, "UPDATE items SET n = 1", last);
    set_node(router, last, 1000, 0);
    heim_router_free(router);
  }
  heim_config_free(config);
}

int main(void) {
  heim_router* router = make_router();
  CHECK_HAS(heim_router_catalog_query(), "pg_class");
  test_classes(router);
  test_routes(router);
  test_promotion(router);
  heim_router_free(router);
  heim_router_free(NULL);
  test_many_nodes();
  return 0;
}
