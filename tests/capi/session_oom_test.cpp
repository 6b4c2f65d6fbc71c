// Memory runs out for what is large: the n-th allocation of 64 KiB or more of the calling thread
// fails, for every n. The call says so or goes well, the session can be closed, and the next one
// works. (Small ones within the engine end the process: see runtime/seat.hpp.)
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <string>

#include "heimproxy/heimproxy.h"

namespace {

thread_local long until_failure = -1;  // < 0: none fails
thread_local bool failed = false;

constexpr std::size_t large = 64 << 10;

bool fails_now(std::size_t size) {
  if (size < large || until_failure < 0 || until_failure-- > 0) return false;
  failed = true;
  return true;
}

}  // namespace

void* operator new(std::size_t size) {
  void* memory = fails_now(size) ? nullptr : std::malloc(size ? size : 1);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return fails_now(size) ? nullptr : std::malloc(size ? size : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

const std::string large_text(3 << 20, 'z');
const std::string large_statement = "SELECT '" + large_text + "'";

[[noreturn]] void give_up(const char* what, const char* why) {
  std::fprintf(stderr, "%s: %s\n", what, why);
  std::exit(1);
}

void must(heim_status status, const heim_error& error, const char* what) {
  if (status != HEIM_OK) give_up(what, error.message);
}

heim_proxy* start(const char* port) {
  heim_config* config = nullptr;
  heim_proxy* proxy = nullptr;
  heim_error error;
  char text[300];
  std::snprintf(text, sizeof text,
                "[proxy]\nlisten_address = []\n[[nodes]]\nhost = \"127.0.0.1\"\nport = %s\n"
                "role = \"primary\"\n",
                port);
  must(heim_config_new(&config, &error), error, "config");
  must(heim_config_load_text(config, text, std::strlen(text), HEIM_CONFIG_TOML, &error), error,
       "load");
  must(heim_proxy_open(config, nullptr, &proxy, &error), error, "open");
  heim_config_free(config);
  must(heim_proxy_start(proxy, &error), error, "start");
  return proxy;
}

heim_status open_session(heim_proxy* proxy, heim_session** session, heim_error* error) {
  heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
  options.user = "postgres";
  options.application_name = "a name that is too long for a short string";
  return heim_session_open(proxy, &options, session, error);
}

heim_status run(heim_session* session, heim_error* error) {
  heim_request request = HEIM_REQUEST_INIT;
  const heim_value value{"41", 2, 23, HEIM_FORMAT_TEXT};
  request.sql = "SELECT $1 + 1, 'a text that is too long for a short string'";
  request.values = &value;
  request.value_count = 1;
  const heim_result* result = nullptr;
  const heim_status status = heim_session_run(session, &request, &result, error);
  std::int64_t sum = 0;
  if (status != HEIM_OK) return status;
  const heim_status read = heim_result_int64(result, 0, 0, &sum, error);
  if (read == HEIM_OK && sum != 42) give_up("run", "a wrong value");
  return read;
}

void sweep(heim_proxy* proxy, const char* name,
           const std::function<heim_status(heim_session*, heim_error*)>& call) {
  constexpr int most_tries = 100;
  heim_error error;
  int tries = 0;
  for (long n = 0;; ++n) {
    heim_session* session = nullptr;
    must(open_session(proxy, &session, &error), error, "open");
    failed = false;
    until_failure = n;
    const heim_status status = call(session, &error);
    until_failure = -1;
    if (status != HEIM_OK && (error.status != status || !error.message[0])) {
      give_up(name, "an error without its message");
    }
    heim_session_close(session);
    session = nullptr;
    must(open_session(proxy, &session, &error), error, "the next session");
    must(run(session, &error), error, "its statement");
    heim_session_close(session);
    if (!failed) {
      must(status, error, name);
      // Another thread of the library may have read the answer in.
      if (n == 0 && ++tries < most_tries) {
        n = -1;
        continue;
      }
      if (n == 0) give_up(name, "nothing large was allocated");
      std::fprintf(stderr, "%s: %ld large allocations\n", name, n);
      return;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  heim_proxy* proxy = start(argv[argc - 1]);
  sweep(proxy, "a large result", [](heim_session* session, heim_error* error) {
    return heim_session_query(session, "SELECT repeat('x', 100000) FROM generate_series(1, 30)",
                              nullptr, error);
  });
  sweep(proxy, "many rows", [](heim_session* session, heim_error* error) {
    return heim_session_query(session, "SELECT generate_series(1, 100000)", nullptr, error);
  });
  sweep(proxy, "a large statement", [](heim_session* session, heim_error* error) {
    return heim_session_query(session, large_statement.c_str(), nullptr, error);
  });
  sweep(proxy, "a large parameter", [](heim_session* session, heim_error* error) {
    const heim_value value{large_text.data(), large_text.size(), 25, HEIM_FORMAT_TEXT};
    heim_request request = HEIM_REQUEST_INIT;
    request.sql = "SELECT length($1)";
    request.values = &value;
    request.value_count = 1;
    return heim_session_run(session, &request, nullptr, error);
  });
  heim_proxy_close(proxy);
  return 0;
}
