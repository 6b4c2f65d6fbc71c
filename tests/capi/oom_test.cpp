// The n-th allocation fails, for every n: each call of load, ask and open answers with a status,
// crashes nowhere and leaks nothing.
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <new>

#include "heimproxy/core.h"
#include "heimproxy/heimproxy.h"
#include "heimproxy/parts.h"

namespace {

// Of the thread that runs the sweep.
thread_local long until_failure = -1;  // < 0: none fails
thread_local bool failed = false;
thread_local long alive = 0;

bool fails_now() {
  if (until_failure < 0 || until_failure-- > 0) return false;
  failed = true;
  return true;
}

}  // namespace

void* operator new(std::size_t size) {
  if (fails_now()) throw std::bad_alloc();
  void* memory = std::malloc(size ? size : 1);
  if (!memory) throw std::bad_alloc();
  ++alive;
  return memory;
}
// Whoever asks like this has a way to go on without: std::stable_sort.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  void* memory = std::malloc(size ? size : 1);
  if (memory) ++alive;
  return memory;
}
void operator delete(void* memory) noexcept {
  if (memory) --alive;
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

// Also what the C libraries below ask for, where no sanitizer has taken malloc.
#if !defined(HEIM_SANITIZED) && !defined(__clang__)
#define HEIM_FAIL_MALLOC 1
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
}
namespace {
thread_local bool fail_malloc = false;
}
extern "C" void* malloc(std::size_t size) {
  return fail_malloc && fails_now() ? nullptr : __libc_malloc(size);
}
extern "C" void* calloc(std::size_t count, std::size_t size) {
  return fail_malloc && fails_now() ? nullptr : __libc_calloc(count, size);
}
extern "C" void* realloc(void* memory, std::size_t size) {
  return fail_malloc && fails_now() ? nullptr : __libc_realloc(memory, size);
}
#endif

namespace {

constexpr const char* wrong = "[proxy]\npool_sise = 3\nlisten_backlog = 0\n[[nodes]]\nhost = 3\n";
constexpr const char* right = R"(
[proxy]
listen_address = ["127.0.0.1:6433", "127.0.0.1:6432"]
admin_users = ["admin", "${HEIM_NOT_SET:-root}"]
[auth]
type = "hba"
file = "oom-users.txt"
hba_file = "oom-hba.conf"
[log]
format = "json"
[[nodes]]
host = "db-primary.internal"
role = "primary"
[[nodes]]
host = "db-standby.internal"
role = "standby"
[[databases]]
name = "orders"
user = "app"
password = "a secret that is too long for a short string"
)";

void write_files() {
  std::ofstream("oom-users.txt") << "\"admin\" \"a password of some length, in plain text\"\n"
                                    "\"app\" \"md5f0b1d0b6a35d5fbd0fb1d0b6a35d5fbd\"\n";
  std::ofstream("oom-hba.conf") << "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
}

/// The allocations that `work` makes. Each one fails once; `work` must say so, and clean up.
/// With a `step` above 1 only every so many of them fail: there are thousands in OpenSSL.
/// A library below may have a way to go on without, where it is `tolerant`.
long sweep(const std::function<heim_status(heim_error*)>& work, bool tolerant = false,
           long step = 1) {
  heim_error error{};
  REQUIRE(work(&error) == HEIM_OK);  // whatever is made once only is made now
  for (long n = 0;; n += step) {
    const long alive_before = alive;
    error = {};
    failed = false;
    until_failure = n;
    const heim_status status = work(&error);
    until_failure = -1;
    const long leaked = alive - alive_before;
    if (!failed) {
      REQUIRE(status == HEIM_OK);
      return n;
    }
    INFO("allocation ", n, ": ", error.message);
    REQUIRE(leaked == 0);
    if (status == HEIM_OK && tolerant) continue;
    REQUIRE(status < 0);
    REQUIRE(error.status == status);
    REQUIRE(error.message[0] != '\0');
  }
}

heim_status load(const char* text, heim_error* error) {
  heim_config* config = nullptr;
  heim_status status = heim_config_new(&config, error);
  if (status == HEIM_OK) {
    status = heim_config_load_text(config, text, std::strlen(text), HEIM_CONFIG_TOML, error);
  }
  heim_config_free(config);
  return status;
}

heim_status load_wrong(heim_error* error) {
  const heim_status status = load(wrong, error);
  return status == HEIM_CONFIG ? HEIM_OK : status;  // that is how it goes well
}

heim_status ask(heim_config* config, heim_error* error) {
  const char* text = nullptr;
  heim_status status = heim_config_print(config, &text, error);
  if (status == HEIM_OK) status = heim_config_get(config, "proxy.admin_users", &text, error);
  return status;
}

heim_status open(const heim_config* config, heim_error* error) {
  heim_proxy* proxy = nullptr;
  const heim_status status = heim_proxy_open(config, nullptr, &proxy, error);
  heim_proxy_close(proxy);
  return status;
}

heim_status use_cache(heim_error* error) {
  static const char* const tables[] = {"items", "stock", "a table with a long name, for a change"};
  heim_cache* cache = nullptr;
  heim_cache_query query = HEIM_CACHE_QUERY_INIT;
  query.statement = "SELECT name FROM items";
  query.tables = tables;
  query.table_count = 3;
  query.wait_ns = 1;
  heim_status status = heim_cache_new(nullptr, &cache, error);
  for (int i = 0; i < 2 && status == HEIM_OK; ++i) {
    heim_cache_entry* entry = nullptr;
    heim_cache_fill* fill = nullptr;
    status = heim_cache_find(cache, &query, &entry, &fill, error);
    heim_cache_entry_free(entry);
    if (fill) status = heim_cache_fill_store(fill, "text", 4, nullptr, error);
  }
  if (status == HEIM_OK) status = heim_cache_invalidate_table(cache, "items", error);
  heim_cache_free(cache);
  return status;
}

heim_status make_core(const heim_config* config, heim_error* error) {
  heim_core* core = nullptr;
  const heim_status status = heim_core_new(config, nullptr, 1, &core, error);
  heim_core_free(core);
  return status;
}

struct Loaded {
  Loaded() {
    heim_error error{};
    write_files();
    const bool loaded = heim_config_new(&config, &error) == HEIM_OK &&
                        heim_config_load_text(config, right, std::strlen(right), HEIM_CONFIG_TOML,
                                              &error) == HEIM_OK;
    INFO(error.message);
    REQUIRE(loaded);
  }
  ~Loaded() { heim_config_free(config); }
  heim_config* config = nullptr;
};

}  // namespace

TEST_CASE("load: each allocation fails once") {
  CHECK(sweep([](heim_error* error) { return load(right, error); }) > 100);
  CHECK(sweep(load_wrong) > 50);
}

TEST_CASE("ask: each allocation fails once") {
  const Loaded loaded;
  CHECK(sweep([&](heim_error* error) { return ask(loaded.config, error); }) > 50);
}

TEST_CASE("open: each allocation fails once") {
  const Loaded loaded;
  CHECK(sweep([&](heim_error* error) { return open(loaded.config, error); }) > 30);
  CHECK(sweep([&](heim_error* error) { return make_core(loaded.config, error); }) > 30);
}

TEST_CASE("a cache: each allocation fails once") { CHECK(sweep(use_cache) > 20); }

#ifdef HEIM_FAIL_MALLOC
TEST_CASE("each malloc fails once") {
  const Loaded loaded;
  fail_malloc = true;
  CHECK(sweep([](heim_error* error) { return load(right, error); }, true) > 100);
  CHECK(sweep([&](heim_error* error) { return ask(loaded.config, error); }, true) > 50);
  CHECK(sweep([&](heim_error* error) { return open(loaded.config, error); }, true, 13) > 30);
  CHECK(sweep(use_cache, true) > 20);
  fail_malloc = false;
}
#endif
