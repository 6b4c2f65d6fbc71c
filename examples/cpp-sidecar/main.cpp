// Counts visits by libpq, through a proxy in the same process, and tells which server is at work.
#include <libpq-fe.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <heimproxy/heimproxy.hpp>
#include <memory>
#include <optional>

namespace {

/// The driver, as the program had it before.
class Connection {
 public:
  explicit Connection(const std::string& dsn) : connection_(PQconnectdb(dsn.c_str()), PQfinish) {}

  /// The first value of the first row; nothing after an error, which is told.
  std::optional<std::string> ask(const char* sql) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) PQreset(connection_.get());
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_.get(), sql),
                                                               PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK) return PQgetvalue(result.get(), 0, 0);
    if (status == PGRES_COMMAND_OK) return "";
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    std::printf("failed: %s %s", state ? state : "-----", PQerrorMessage(connection_.get()));
    return std::nullopt;
  }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// Tells when a statement would go to another server than before.
class Route {
 public:
  Route(heimproxy::Session& session, const char* sql) : session_(session), sql_(sql) {}
  const char* sql() const { return sql_; }
  void look() {
    // [{"what":"node","value":"first"},{"what":"reason","value":"writes"},...]
    const std::string route = session_.explain_route(sql_);
    const std::string key = R"("what":"node","value":")";
    const std::size_t at = route.find(key) + key.size();
    const std::string node = route.substr(at, route.find('"', at) - at);
    if (node != node_) std::printf("%s -> %s\n", sql_, node.c_str());
    node_ = node;
  }

 private:
  heimproxy::Session& session_;
  const char* sql_;
  std::string node_;
};

/// So many answers came from the proxy's cache.
std::string cache_hits(heimproxy::Proxy& proxy) {
  const std::string rows = proxy.show("CACHE");
  const std::string key = R"({"what":"hits","value":")";
  const std::size_t at = rows.find(key);
  if (at == std::string::npos) return "0";
  return rows.substr(at + key.size(), rows.find('"', at + key.size()) - at - key.size());
}

/// False once standard input has ended; else after a tenth of a second.
bool goes_on() {
  ::pollfd input{STDIN_FILENO, POLLIN, 0};
  char ignored[100];
  return ::poll(&input, 1, 100) == 0 || ::read(STDIN_FILENO, ignored, sizeof ignored) > 0;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

int main(int argc, char** argv) try {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  heimproxy::Proxy proxy(heimproxy::Config::file(argc > 1 ? argv[1] : "heimproxy.toml"),
                         {.sidecar = true});
  proxy.start();
  Connection database(proxy.dsn(environment("PGDATABASE"), environment("PGUSER")));
  while (!database.ask("CREATE TABLE IF NOT EXISTS visits (at timestamptz DEFAULT now())")) {
    if (!goes_on()) return 1;
  }
  // A session by call, beside the driver: it tells where statements go, and why.
  heimproxy::Session session =
      proxy.open({.user = environment("PGUSER"), .database = environment("PGDATABASE")});
  Route read(session, "SELECT count(*) FROM visits");
  Route write(session, "INSERT INTO visits DEFAULT VALUES");
  do {
    // What was written a moment ago may not have reached the standby: then the primary is asked.
    read.look();
    database.ask(read.sql());
    // Asked again, the cache has it; and no more of it once it is written.
    database.ask(read.sql());
    write.look();
    database.ask(write.sql());
  } while (goes_on());
  const auto visits = database.ask("SELECT count(*) FROM visits");
  std::printf("from the cache: %s\n", cache_hits(proxy).c_str());
  std::printf("visits: %s\n", visits ? visits->c_str() : "?");
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
