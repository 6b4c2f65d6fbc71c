// The n-th allocation of a core's life fails, for every n: the call says NO_MEMORY, the core is
// broken from then on, which each further call says, and it can be freed.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

#include "heimproxy/core.h"

namespace {

long until_failure = -1;  // < 0: none fails
bool failed = false;

bool fails_now() {
  if (until_failure < 0 || until_failure-- > 0) return false;
  failed = true;
  return true;
}

}  // namespace

void* operator new(std::size_t size) {
  void* memory = fails_now() ? nullptr : std::malloc(size ? size : 1);
  if (!memory) throw std::bad_alloc();
  return memory;
}
// Whoever asks like this has a way to go on without: std::stable_sort.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size ? size : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace std::string_view_literals;

constexpr std::string_view configuration =
    "[proxy]\nlisten_address = []\n[auth]\ntype = \"trust\"\n[timeouts]\nquery_wait_timeout = "
    "\"1s\"\n[[nodes]]\nname = \"one\"\nhost = \"192.0.2.1\"\nrole = \"primary\"\n"
    "[[nodes]]\nname = \"two\"\nhost = \"192.0.2.2\"\nrole = \"standby\"\n"
    "[[databases]]\nname = \"d\"\nuser = \"app\"\n"sv;
// What both sides of a session say, as far as it takes to have a statement run.
constexpr std::string_view startup = "\0\0\0\35\0\3\0\0user\0app\0database\0d\0\0"sv;
constexpr std::string_view let_in =
    "R\0\0\0\10\0\0\0\0S\0\0\0\26server_version\00015\0S\0\0\0\31client_encoding\0UTF8\0"
    "K\0\0\0\14\0\0\0\1\0\0\0\2Z\0\0\0\5I"sv;
constexpr std::string_view query = "Q\0\0\0\35SELECT name FROM places;\0"sv;
constexpr std::string_view answer = "C\0\0\0\15SELECT 1\0Z\0\0\0\5I"sv;

[[noreturn]] void give_up(long n, const char* what, const heim_error& error) {
  std::fprintf(stderr, "allocation %ld: %s: %s\n", n, what, error.message);
  std::exit(1);
}

/// A core, and what it said last.
struct Life {
  heim_core* core = nullptr;
  heim_error error{};
  heim_status status = HEIM_OK;
  std::uint64_t now = 1;
  int answers = 0;

  bool ok(heim_status said) { return (status = said) == HEIM_OK; }
  bool give(std::uint64_t id, std::string_view bytes) {
    return ok(heim_core_received(core, id, bytes.data(), bytes.size(), &error));
  }
  /// As a server that agrees to everything.
  bool serve(const heim_action& action) {
    const std::string_view bytes(static_cast<const char*>(action.data), action.length);
    const bool client = action.connection == 1;
    const bool asked = bytes.size() > 5 && bytes[0] == 'Q';
    const bool logs_in = bytes.size() > 8 && bytes[0] == 0 && bytes[5] == 3;
    answers += client;
    if (!ok(heim_core_sent(core, action.connection, action.length, &error))) return false;
    if (client || (!asked && !logs_in)) return true;
    return give(action.connection, asked ? answer : let_in);
  }
  bool carry_out() {
    heim_action action = HEIM_ACTION_INIT;
    for (;;) {
      if (!ok(heim_core_next_action(core, &action, &error))) return false;
      if (action.kind == HEIM_ACTION_NONE) return true;
      if (action.kind == HEIM_ACTION_SEND && !serve(action)) return false;
      if (action.kind == HEIM_ACTION_CONNECT &&
          !ok(heim_core_connected(core, action.connection, nullptr, &error))) {
        return false;
      }
    }
  }
  bool pass_time() {
    now = heim_core_deadline_ns(core);
    return ok(heim_core_advance(core, now, &error)) && carry_out();
  }
  bool run() {
    heim_peer peer = HEIM_PEER_INIT;
    std::uint64_t id = 0;
    peer.address = "127.0.0.1:4000";
    if (!ok(heim_core_accept(core, &peer, &id, &error)) || !give(id, startup)) return false;
    if (!carry_out() || !pass_time() || !give(id, query) || !carry_out()) return false;
    for (int i = 0; i < 5; ++i) {
      if (!pass_time()) return false;
    }
    return ok(heim_core_ended(core, id, nullptr, &error)) && carry_out() && pass_time();
  }
};

bool live(const heim_config* config, long n) {
  Life life;
  if (heim_core_new(config, nullptr, 1, &life.core, &life.error) != HEIM_OK) {
    give_up(n, "new", life.error);
  }
  failed = false;
  until_failure = n;
  const bool went_well = life.run();
  until_failure = -1;
  heim_action action = HEIM_ACTION_INIT;
  if (went_well && !failed && life.answers < 2) give_up(n, "no answer", life.error);
  if (!went_well) {
    if (life.status != HEIM_NO_MEMORY || !failed) give_up(n, "another error", life.error);
    // Either it was over before the engine began, or it is broken for good.
    const heim_status after = heim_core_next_action(life.core, &action, &life.error);
    if (after != HEIM_OK && after != HEIM_STATE) give_up(n, "after it", life.error);
  }
  heim_core_free(life.core);
  return failed;
}

}  // namespace

int main() {
  heim_config* config = nullptr;
  heim_error error{};
  if (heim_config_new(&config, &error) != HEIM_OK ||
      heim_config_load_text(config, configuration.data(), configuration.size(), HEIM_CONFIG_TOML,
                            &error) != HEIM_OK) {
    give_up(-1, "load", error);
  }
  live(config, 1L << 40);  // whatever is made once only is made now
  long n = 0;
  while (live(config, n)) ++n;
  heim_config_free(config);
  std::printf("%ld allocations\n", n);
  return n > 100 ? 0 : 1;
}
