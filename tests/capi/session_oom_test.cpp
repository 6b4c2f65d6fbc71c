// The n-th allocation of the calling thread fails, for every n: a session's call says so or goes
// well, the session can be closed, and the next one works.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>

#include "heimproxy/heimproxy.h"

namespace {

thread_local long until_failure = -1;  // < 0: none fails
thread_local bool failed = false;

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
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

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

/// `call` gets a session, but where it makes it itself.
void sweep(heim_proxy* proxy, const char* name, bool opens,
           const std::function<heim_status(heim_session*&, heim_error*)>& call) {
  heim_error error;
  for (long n = 0;; ++n) {
    heim_session* session = nullptr;
    if (!opens) must(open_session(proxy, &session, &error), error, "open");
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
      std::printf("%s: %ld allocations\n", name, n);
      return;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  heim_proxy* proxy = start(argv[argc - 1]);
  sweep(proxy, "open", true, [proxy](heim_session*& session, heim_error* error) {
    return open_session(proxy, &session, error);
  });
  sweep(proxy, "run", false,
        [](heim_session*& session, heim_error* error) { return run(session, error); });
  sweep(proxy, "query", false, [](heim_session*& session, heim_error* error) {
    return heim_session_query(session, "SELECT 1; SELECT 2", nullptr, error);
  });
  heim_proxy_close(proxy);
  return 0;
}
