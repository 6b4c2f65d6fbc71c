// Backends in C++, at both levels: what they answer, and that what they throw goes no further.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>

#include "heimproxy/heimproxy.hpp"

namespace {

using namespace heimproxy;

Proxy proxy_of_toys() {
  return Proxy(
      Config::text("[proxy]\nlisten_address = []\npool_size = 3\n[auth]\ntype = \"trust\"\n"
                   "[[nodes]]\nbackend = \"toy\"\nrole = \"primary\"\n"));
}

Session open(Proxy& proxy, const std::string& database = "any") {
  return proxy.open({.user = "app", .database = database});
}

std::string sqlstate_of(Session& session, const std::string& sql) {
  const Expected<Result> failed = session.try_query(sql);
  return failed ? "" : failed.error().sqlstate();
}

struct Counts {
  std::atomic<int> opened{0}, closed{0};
};

/// Its statements are words.
class Toy : public QueryConnection {
 public:
  Toy(Counts& counts, const Login& login) : counts_(counts), user_(login.user) { ++counts.opened; }
  ~Toy() override { ++counts_.closed; }

  void execute(const Statement& statement, Reply reply) override {
    const std::string_view word = statement.sql();
    if (word == "rows") {
      rows(reply);
    } else if (word == "echo") {
      reply.columns({{"a"}, {"b"}});
      const auto text = statement[0];
      reply.row(text, statement[1] ? "given" : "none");
      reply.complete("ECHO");
    } else if (word == "begin") {
      state_ = HEIM_TRANSACTION_OPEN;
      reply.complete("BEGIN");
    } else if (word == "ROLLBACK") {
      state_ = HEIM_TRANSACTION_NONE;
      reply.complete("ROLLBACK");
    } else if (word == "later") {
      return later(reply);
    } else if (word == "hang") {
      hang(reply);
    } else {
      misbehave(word, reply);
    }
    reply.end(state_);
  }
  void describe(const Statement& statement, Reply reply) override {
    if (statement.sql() != "echo") return QueryConnection::describe(statement, reply);
    reply.parameters({25, 25});
    reply.columns({{"a"}, {"b"}});
    reply.end();
  }
  bool reset() override { return true; }
  void cancel() override {
    {
      const std::lock_guard lock(mutex_);
      canceled_ = true;
    }
    woken_.notify_all();
    throw std::runtime_error("nobody hears this");
  }
  heim_transaction transaction() const override {
    return state_ == HEIM_TRANSACTION_NONE ? state_ : HEIM_TRANSACTION_FAILED;
  }

 private:
  void rows(Reply reply) {
    reply.columns({{"n", 23}, {"user"}, {"half", 701}});
    for (int i = 0; i < 3; ++i) reply.row(i, user_, i == 1 ? std::optional<double>() : 0.5);
    reply.complete();
  }
  static void later(Reply reply) {
    std::thread([reply]() mutable {
      reply.columns({{"who"}});
      reply.row("another thread");
      reply.complete();
      reply.end();
    }).detach();
  }
  void hang(Reply reply) {
    std::unique_lock lock(mutex_);
    woken_.wait(lock, [this] { return canceled_; });
    canceled_ = false;
    reply.error("57014", "canceled", "by request");
  }
  static void misbehave(std::string_view word, Reply reply) {
    if (word == "taken") throw Error(HEIM_SERVER, "23505", "it is taken");
    if (word == "memory") throw std::bad_alloc();
    if (word == "number") throw 42;
    if (word == "half") {
      reply.columns({{"n", 23}});
      reply.row(1);
    }
    if (word == "late") {
      reply.complete("DONE");
      reply.end();
    }
    if (word == "misplaced") reply.row(1);
    throw std::runtime_error("no word of mine");
  }

  Counts& counts_;
  const std::string user_;
  heim_transaction state_ = HEIM_TRANSACTION_NONE;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool canceled_ = false;
};

void add_toy(Proxy& proxy, Counts& counts) {
  proxy.add_query_backend("toy", [&](const Login& login) -> std::unique_ptr<QueryConnection> {
    if (login.database == "closed") throw Error(HEIM_SERVER, "3D000", "there is no such toy");
    if (login.database == "broken") throw std::runtime_error("it broke");
    if (login.database == "none") return nullptr;
    return std::make_unique<Toy>(counts, login);
  });
}

}  // namespace

TEST_CASE("a backend says rows, and ends with its proxy") {
  Counts counts;
  {
    Proxy proxy = proxy_of_toys();
    add_toy(proxy, counts);
    CHECK_THROWS_AS(add_toy(proxy, counts), Error);  // the name is taken
    proxy.start();
    Session session = open(proxy);
    const Result result = session.query("rows");
    REQUIRE(result.size() == 3);
    CHECK(result[2]["n"].as<int>() == 2);
    CHECK(result[0]["user"].text() == "app");
    CHECK(result[0]["half"].as<double>() == 0.5);
    CHECK(result[1]["half"].is_null());
    CHECK(result.tag() == "SELECT 3");
    const Result echo = session.run("echo", "it's", nullptr);
    CHECK(echo[0][0].text() == "it's");
    CHECK(echo[0][1].text() == "none");
    CHECK(echo.tag() == "ECHO");
    CHECK(session.query("later")[0][0].text() == "another thread");
    session.query("begin");
    CHECK(session.transaction() == HEIM_TRANSACTION_OPEN);
  }
  CHECK(counts.opened > 0);
  CHECK(counts.opened == counts.closed);
}

TEST_CASE("what a backend throws is told to its client, and to nobody else") {
  Counts counts;
  Proxy proxy = proxy_of_toys();
  add_toy(proxy, counts);
  proxy.start();
  Session session = open(proxy), other = open(proxy);
  CHECK(sqlstate_of(session, "taken") == "23505");
  CHECK(sqlstate_of(session, "memory") == "53200");
  CHECK(sqlstate_of(session, "number") == "XX000");
  CHECK(sqlstate_of(session, "half") == "XX000");
  CHECK(sqlstate_of(session, "misplaced") == "XX000");
  CHECK(sqlstate_of(session, "nonsense") == "XX000");
  CHECK(session.error_field('M') == "no word of mine");
  CHECK(sqlstate_of(session, "late").empty());  // the answer was over
  CHECK(session.try_run("rows").error().sqlstate() == "0A000");
  session.query("begin");
  CHECK(sqlstate_of(session, "taken") == "23505");
  CHECK(session.transaction() == HEIM_TRANSACTION_FAILED);
  CHECK(other.query("rows").size() == 3);
}

TEST_CASE("a backend that gives no connection says why") {
  Counts counts;
  Proxy proxy = proxy_of_toys();
  add_toy(proxy, counts);
  proxy.start();
  const auto refused = [&](const char* database) {
    try {
      open(proxy, database);
    } catch (const Error& error) {
      return error.sqlstate();
    }
    return std::string("it opened");
  };
  CHECK(refused("closed") == "3D000");
  CHECK(refused("broken") == "XX000");
  CHECK(refused("none") == "08006");
  CHECK(open(proxy).query("rows").size() == 3);
}

TEST_CASE("cancel reaches what runs") {
  Counts counts;
  Proxy proxy = proxy_of_toys();
  add_toy(proxy, counts);
  proxy.start();
  Session session = open(proxy);
  std::atomic<bool> is_over{false};
  // Too early, it cancels nothing: it is tried again.
  std::thread canceler([&] {
    while (!is_over) {
      session.cancel();
      std::this_thread::yield();
    }
  });
  CHECK(sqlstate_of(session, "hang") == "57014");
  is_over = true;
  canceler.join();
}

namespace {

/// Answers each Query with an empty text's answer, but for one.
class Raw : public MessageConnection {
  void message(char type, std::string_view body, Reply reply) override {
    if (type != 'Q') return;
    if (body.starts_with("throw")) throw std::runtime_error("it broke");
    reply.send(std::string("I\0\0\0\4Z\0\0\0\5I", 11));
  }
};

}  // namespace

TEST_CASE("messages, and one that throws") {
  Proxy proxy = proxy_of_toys();
  proxy.add_backend("toy", [](const Login&) { return std::make_unique<Raw>(); });
  proxy.start();
  Session session = open(proxy), other = open(proxy);
  CHECK(session.query("anything").kind() == HEIM_KIND_EMPTY);
  CHECK(sqlstate_of(session, "throw") == "08P01");
  CHECK(other.query("anything").kind() == HEIM_KIND_EMPTY);
}

namespace {

/// A port that was free a moment ago, and that nobody is given soon.
std::string free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(fd);
  return std::to_string(ntohs(address.sin_port));
}

}  // namespace

TEST_CASE("the proxy tells its addresses, and what its log throws is lost") {
  const std::string one = "127.0.0.1:" + free_port();
  std::string two = one;
  while (two == one) two = "127.0.0.1:" + free_port();
  Proxy proxy(Config::text("[proxy]\nlisten_address = [\"" + one + "\", \"" + two +
                           "\"]\n[[nodes]]\nhost = \"127.0.0.1\"\nport = 1\n"),
              {.log_level = HEIM_LOG_DEBUG,
               .log = [](const heim_log_line&) { throw std::runtime_error("no log"); }});
  CHECK(proxy.addresses().empty());
  proxy.start();
  CHECK(proxy.addresses() == std::vector{one, two});
}

TEST_CASE("a configuration says all that is wrong, and what is in force") {
  Config config;
  CHECK_THROWS_AS(config.load_text("[proxy]\npool_sise = 1\nlisten_port = 0\n"), Error);
  CHECK(config.diagnostics().find("pool_sise") != std::string::npos);
  CHECK(config.diagnostics().find("listen_port") != std::string::npos);
  config.load_text("[proxy]\npool_size = 7\n[[nodes]]\nhost = \"db\"\n");
  CHECK(config.diagnostics().empty());
  CHECK(config.get("proxy.pool_size") == "7");
  CHECK(config.print().find("pool_size = 7") != std::string::npos);
  CHECK_THROWS_AS(config.get("proxy.pool_sise"), Error);
}
