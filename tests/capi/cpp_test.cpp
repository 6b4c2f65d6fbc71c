// heimproxy.hpp against a real server: owners, ranges, both ways to fail, transactions, coroutines.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <mutex>
#include <numeric>
#include <thread>

#include "heimproxy/heimproxy.hpp"

namespace {

using namespace heimproxy;

std::string port;

Config config() {
  return Config::text("[proxy]\nlisten_address = []\n[[nodes]]\nhost = \"127.0.0.1\"\nport = " +
                      port + "\nrole = \"primary\"\n");
}

/// One for all cases; ends with the program.
Proxy& proxy() {
  static Proxy one(config(), {.sidecar = true});
  static const bool started = (one.start(), true);
  REQUIRE(started);
  return one;
}

Session open() {
  return proxy().open({.user = "app", .database = "postgres", .password = "app-secret"});
}

/// Coroutines go on where somebody calls run_one().
class Queue {
 public:
  Executor executor() {
    return [this](std::coroutine_handle<> handle) {
      const std::lock_guard lock(mutex_);
      ready_.push_back(handle);
      changed_.notify_one();
    };
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty(); });
    const auto handle = ready_.front();
    ready_.pop_front();
    lock.unlock();
    handle.resume();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::coroutine_handle<>> ready_;
};

struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

}  // namespace

TEST_CASE("rows are a range, and values have types") {
  Session session = open();
  const Result result = session.query("SELECT n, 'row ' || n AS name FROM generate_series(1, 5) n");
  static_assert(std::forward_iterator<decltype(result.begin())>);
  int expected = 1;
  for (const Row row : result) {
    CHECK(row[0].as<int>() == expected);
    CHECK(row["name"].text() == "row " + std::to_string(expected));
    ++expected;
  }
  CHECK(expected == 6);
  CHECK(std::string_view(result.column(1).name) == "name");
  const Result one = session.query("SELECT NULL::int, 300, true, 2.5, 'text'");
  CHECK(!one[0][0].as<std::optional<int>>());
  CHECK(one[0][1].as<std::optional<std::int64_t>>() == 300);
  CHECK(one[0][2].as<bool>());
  CHECK(one[0][3].as<double>() == 2.5);
  CHECK(one[0][4].as<std::string>() == "text");
  CHECK_THROWS_AS(one[0][0].as<int>(), Error);
  CHECK_THROWS_AS(one[0][1].as<std::int8_t>(), Error);
  CHECK_THROWS_AS(one[0]["nowhere"].as<int>(), Error);
}

TEST_CASE("parameters") {
  Session session = open();
  const std::byte raw[] = {std::byte{0}, std::byte{255}};
  const Result result = session.run(
      "SELECT $1::int + 1, $2::text, $3::bool, $4::float8, $5::int, $6::int, length($7::bytea)", 41,
      std::string("it's"), true, 0.25, nullptr, std::optional<int>(6),
      std::span<const std::byte>(raw));
  CHECK(result[0][0].as<int>() == 42);
  CHECK(result[0][1].text() == "it's");
  CHECK(result[0][2].as<bool>());
  CHECK(result[0][3].as<double>() == 0.25);
  CHECK(result[0][4].is_null());
  CHECK(result[0][5].as<int>() == 6);
  CHECK(result[0][6].as<int>() == 2);
  session.prepare("double", "SELECT $1::int * 2");
  for (int i = 0; i < 10; ++i) CHECK(session.run_prepared("double", i)[0][0].as<int>() == 2 * i);
  session.deallocate("double");
}

TEST_CASE("parameters and results in binary") {
  Session session = open();
  const std::byte uuid[16] = {std::byte{0xab}, std::byte{0xcd}};
  const auto ask = [&] {
    return session.run("SELECT $1, $2, $3, $4, $5, $6, $7, pg_typeof($1)::text",
                       Parameter::binary(true), Parameter::binary(std::int16_t{-2}),
                       Parameter::binary(1 << 20), Parameter::binary(std::int64_t{-1} << 40),
                       Parameter::binary(0.5f), Parameter::binary(-0.25),
                       Parameter::binary(2950, uuid));
  };
  for (const heim_format format : {HEIM_FORMAT_BINARY, HEIM_FORMAT_TEXT}) {
    session.set_result_format(format);
    const Result result = ask();
    CHECK(result.column(0).format == format);
    CHECK(result[0][0].as<bool>());
    CHECK(result[0][1].as<int>() == -2);
    CHECK(result[0][2].as<int>() == 1 << 20);
    CHECK(result[0][3].as<std::int64_t>() == std::int64_t{-1} << 40);
    CHECK(result[0][4].as<float>() == 0.5f);
    CHECK(result[0][5].as<double>() == -0.25);
    CHECK(result[0][7].text() == "boolean");
    const bool same = std::ranges::equal(result[0][6].bytes(), uuid);
    CHECK(same == (format == HEIM_FORMAT_BINARY));
  }
  session.set_result_format(HEIM_FORMAT_BINARY);
  std::int64_t sum = 0;
  for (const Row row : session.stream("SELECT generate_series(1, $1)", Parameter::binary(1000))) {
    CHECK(row[0].bytes().size() == 4);
    sum += row[0].as<int>();
  }
  CHECK(sum == 500500);
  session.prepare("double", "SELECT $1::int * 2");
  CHECK(session.run_prepared("double", Parameter::binary(21))[0][0].as<int>() == 42);
}

TEST_CASE("a call at the end of its patience goes on") {
  Session session = open();
  session.set_patience(Nanoseconds(1));
  try {
    session.query("SELECT 42, pg_sleep(0.05)");
    FAIL("it did not throw");
  } catch (const Error& error) {
    CHECK(error.status() == HEIM_TIMED_OUT);
  }
  CHECK_THROWS_AS(session.query("SELECT 1"), Error);  // it is to be finished first
  while (!session.finish(Nanoseconds(1))) {
  }
  session.set_patience(forever);
  const Result next = session.query("SELECT 43");
  CHECK(next[0][0].as<int>() == 43);
  CHECK_THROWS_AS(session.finish(), Error);  // nothing was started
}

TEST_CASE("what fails throws, or is returned") {
  Session session = open();
  try {
    session.query("SELECT 1/0");
    FAIL("it did not throw");
  } catch (const Error& error) {
    CHECK(error.status() == HEIM_SERVER);
    CHECK(error.sqlstate() == "22012");
    CHECK(std::string(error.what()).find("zero") != std::string::npos);
    CHECK(session.error_field('V') == "ERROR");
  }
  const Expected<Result> failed = session.try_run("SELECT $1::int / 0", 3);
  CHECK(!failed);
  CHECK(failed.error().sqlstate() == "22012");
  Expected<Result> good = session.try_query("SELECT 5");
  CHECK(good.value()[0][0].as<int>() == 5);
  CHECK_THROWS_AS(Config::text("nonsense = 1"), Error);
}

TEST_CASE("a transaction that is not committed did not happen") {
  Session session = open();
  session.query("CREATE TEMP TABLE t (n int)");
  {
    Transaction transaction = session.begin();
    session.run("INSERT INTO t VALUES ($1)", 1);
    CHECK(session.transaction() == HEIM_TRANSACTION_OPEN);
  }
  CHECK(session.query("SELECT count(*) FROM t")[0][0].as<int>() == 0);
  Transaction transaction = session.begin("ISOLATION LEVEL SERIALIZABLE");
  CHECK(session.run("INSERT INTO t VALUES ($1), ($2)", 1, 2).affected() == 2);
  transaction.commit();
  CHECK(session.query("SELECT count(*) FROM t")[0][0].as<int>() == 2);
}

TEST_CASE("rows are streamed") {
  Session session = open();
  std::int64_t sum = 0;
  for (const Row row : session.stream("SELECT generate_series(1, $1::int)", 50000)) {
    sum += row[0].as<std::int64_t>();
  }
  CHECK(sum == std::int64_t{50000} * 50001 / 2);
  CHECK(session.query("SELECT 1")[0][0].as<int>() == 1);
}

TEST_CASE("COPY, notifications") {
  Session session = open();
  session.query("CREATE TEMP TABLE t (n int)");
  CHECK(session.query("COPY t FROM STDIN").kind() == HEIM_KIND_COPY_IN);
  session.copy_write("1\n2\n");
  CHECK(session.copy_end().tag() == "COPY 2");
  session.query("COPY t TO STDOUT");
  CHECK(session.copy_read() == "1\n");
  CHECK(session.copy_read() == "2\n");
  CHECK(!session.copy_read());
  CHECK(!session.notification(Nanoseconds(0)));
  session.query("LISTEN cpp");
  session.query("NOTIFY cpp, 'hello'");
  CHECK(session.notification()->payload == "hello");
}

TEST_CASE("a coroutine awaits results") {
  Session session = open();
  Queue queue;
  std::vector<int> seen;
  bool failed = false;
  const auto work = [&]() -> Task {
    for (int i = 0; i < 5; ++i) {
      const Result result =
          co_await session.run_async(queue.executor(), "SELECT $1::int * 2, pg_sleep(0.001)", i);
      seen.push_back(result[0][0].as<int>());
    }
    try {
      co_await session.run_async(queue.executor(), "SELECT 1/0");
    } catch (const Error& error) {
      failed = error.sqlstate() == "22012";
    }
  };
  work();
  for (int i = 0; i < 6; ++i) queue.run_one();
  CHECK(seen == std::vector{0, 2, 4, 6, 8});
  CHECK(failed);
}

TEST_CASE("the proxy shows itself, and has a socket for drivers") {
  CHECK(proxy().show("POOLS").find("\"database\"") != std::string::npos);
  CHECK(open().explain_route("SELECT 1").find("\"node\"") != std::string::npos);
  const std::string dsn = proxy().dsn("postgres", "o'neill");
  CHECK(dsn.starts_with("host='/"));
  CHECK(dsn.find("user='o\\'neill'") != std::string::npos);
}

int main(int argc, char** argv) {
  port = argv[argc - 1];
  return doctest::Context(argc - 1, argv).run();
}
