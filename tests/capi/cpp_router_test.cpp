// heimproxy::Router: the same routes as parts_test.c sees, by owners and fields.
#include <doctest/doctest.h>

#include "heimproxy/heimproxy.hpp"

namespace {

using namespace heimproxy;

constexpr const char* configuration =
    "[proxy]\nlisten_address = []\n"
    "[[nodes]]\nname = \"one\"\nhost = \"192.0.2.1\"\nrole = \"primary\"\n"
    "[[nodes]]\nname = \"two\"\nhost = \"192.0.2.2\"\nrole = \"standby\"\n"
    "[[users]]\nname = \"lazy\"\nfreshness = \"any\"\n"
    "[[rules]]\nname = \"reports\"\napplication_name = \"reports\"\nroute = \"primary\"\n";

bool goes_to(Router& router, const RouteRequest& request, const std::string& node) {
  return router.route(request).starts_with("{\"node\":\"" + node + "\",");
}

}  // namespace

TEST_CASE("a router of one's own") {
  Router router(Config::text(configuration), "shop");
  const RouteRequest read{.sql = "SELECT * FROM items"};
  CHECK(Router::catalog_query().find("pg_class") != std::string::npos);
  CHECK_THROWS_AS(router.set_catalog("T items"), Error);
  router.set_catalog("T\titems\trp\n");
  router.set_node("one", {.lsn = 1000});
  router.set_node("two", {.lsn = 999});
  CHECK(goes_to(router, read, "one"));
  router.set_node("two", {.lsn = 1000, .lag = std::chrono::milliseconds(1)});
  CHECK(goes_to(router, read, "two"));
  router.note_commit("DELETE FROM items");
  CHECK(goes_to(router, read, "one"));
  const std::string lazy = "lazy";
  CHECK(goes_to(router, {.sql = read.sql, .user = lazy}, "two"));
  CHECK(goes_to(router, {.sql = read.sql, .user = lazy, .application_name = "reports"}, "one"));
  router.set_node("two", {.is_down = true});
  CHECK(goes_to(router, {.sql = read.sql, .user = lazy}, "one"));
  CHECK_THROWS_AS(router.set_node("three", {}), Error);
  CHECK_THROWS_AS(Router(Config(), "shop"), Error);
}
