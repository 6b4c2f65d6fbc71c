// heim_session: its life, and what it is asked.
#include "capi/session.hpp"

#include <strings.h>

#include <vector>

#include "capi/guard.hpp"
#include "capi/options.hpp"

using heim::capi::Failure;
using heim::capi::guard;
using heim::capi::lend;
using heim::capi::options_of;
using heim::capi::require;
using heim::capi::running;
using heim::capi::session_of;
using heim::embed::Session;

namespace heim::capi {

embed::Session& session_of(heim_session* session) {
  require(session, "session");
  return session->session;
}

embed::Patience patience_of(std::uint64_t timeout_ns) {
  constexpr std::uint64_t century = 100ull * 365 * 24 * 3600 * 1'000'000'000;
  const Duration limit = timeout_ns >= century ? Duration::max() : Duration(timeout_ns);
  return {limit, timeout_ns == HEIM_UNTIL_SIGNAL};
}

}  // namespace heim::capi

namespace {

namespace embed = heim::embed;

/// Texts are UTF-8 here, whatever the database has: the server is to convert them.
void add_encoding(embed::StartupItems& items) {
  for (const auto& [name, value] : items) {
    if (::strcasecmp(name.c_str(), "client_encoding") == 0) return;
  }
  items.emplace_back("client_encoding", "UTF8");
}

void add(embed::StartupItems& items, const char* name, const char* value) {
  if (value) items.emplace_back(name, value);
}

embed::Options session_options(const heim_session_options& given) {
  embed::Options options;
  add(options.startup, "user", given.user);
  add(options.startup, "database", given.database);
  add(options.startup, "application_name", given.application_name);
  for (const char* const* item = given.settings; item && *item; item += 2) {
    require(item[1], "settings");
    add(options.startup, item[0], item[1]);
  }
  add_encoding(options.startup);
  if (given.password) options.password = heim::Secret(given.password);
  if (given.result_bytes_max > 0) options.result_bytes_max = given.result_bytes_max;
  if (given.notice) {
    options.on_notice = [call = given.notice, user_data = given.user_data](heim::Bytes body) {
      const heim_notice notice{body};
      call(&notice, user_data);
    };
  }
  options.is_deferred = given.deferred != 0;
  return options;
}

embed::Parameter parameter_of(const heim_value& given) {
  embed::Parameter parameter;
  parameter.type = given.type;
  parameter.is_null = given.data == nullptr;
  parameter.is_binary = given.format == HEIM_FORMAT_BINARY;
  if (!parameter.is_null) parameter.bytes = {static_cast<const char*>(given.data), given.length};
  return parameter;
}

/// A heim_request as the session has it, with what it lends.
struct Asked {
  explicit Asked(const heim_request* given) {
    require(given, "request");
    constexpr heim_request defaults = HEIM_REQUEST_INIT;
    const heim_request options = options_of(given, defaults, sizeof defaults, "request");
    if (!options.sql == !options.statement) {
      throw Failure(HEIM_INVALID_ARGUMENT, "one of 'sql' and 'statement' is to be given");
    }
    request.is_prepared = options.statement != nullptr;
    request.sql = options.sql ? options.sql : "";
    request.statement = options.statement ? options.statement : "";
    request.binary_result = options.result_format == HEIM_FORMAT_BINARY;
    if (options.streamed) rows = Session::Rows::streamed;
    take_values(options);
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  embed::Request request;
  Session::Rows rows = Session::Rows::kept;

 private:
  void take_values(const heim_request& options) {
    if (options.value_count > 0) require(options.values, "values");
    if (options.value_count > 65535) throw Failure(HEIM_INVALID_ARGUMENT, "too many values");
    std::size_t bytes = request.sql.size();
    for (std::size_t i = 0; i < options.value_count; ++i) {
      values_.push_back(parameter_of(options.values[i]));
      bytes += 4 + values_.back().bytes.size();
    }
    if (!embed::is_sendable(bytes)) throw Failure(HEIM_INVALID_ARGUMENT, "the request is too long");
    request.parameters = values_;
  }
  std::vector<embed::Parameter> values_;
};

}  // namespace

heim_status heim_session_open(heim_proxy* proxy, const heim_session_options* options,
                              heim_session** out, heim_error* error) {
  return guard(error, [&] {
    require(options, "options");
    require(out, "out");
    heim::runtime::Engine& engine = running(proxy);
    constexpr heim_session_options defaults = HEIM_SESSION_OPTIONS_INIT;
    const auto given = options_of(options, defaults, sizeof defaults, "options");
    require(given.user, "user");
    *out = new heim_session(engine, session_options(given));
  });
}

void heim_session_close(heim_session* session) {
  // In a fork the other end is the parent's still.
  if (!session || session->session.is_foreign()) return;
  delete session;
}

heim_status heim_session_query(heim_session* session, const char* sql, const heim_result** out,
                               heim_error* error) {
  return guard(error, [&] {
    require(sql, "sql");
    embed::Result& result = session_of(session).query(sql);
    if (out) *out = lend(&result);
  });
}

heim_status heim_session_run(heim_session* session, const heim_request* request,
                             const heim_result** out, heim_error* error) {
  return guard(error, [&] {
    const Asked asked(request);
    embed::Result& result = session_of(session).run(asked.request, asked.rows);
    if (out) *out = lend(&result);
  });
}

heim_status heim_session_next(heim_session* session, const heim_result** out, heim_error* error) {
  return guard(error, [&] {
    require(out, "out");
    *out = lend(session_of(session).next());
  });
}

heim_status heim_session_prepare(heim_session* session, const char* name, const char* sql,
                                 const uint32_t* types, size_t type_count, const heim_result** out,
                                 heim_error* error) {
  return guard(error, [&] {
    require(name, "name");
    require(sql, "sql");
    if (type_count > 65535) throw Failure(HEIM_INVALID_ARGUMENT, "too many types");
    const std::size_t count = types ? type_count : 0;
    embed::Result& result = session_of(session).prepare(name, sql, {types, count});
    if (out) *out = lend(&result);
  });
}

heim_status heim_session_deallocate(heim_session* session, const char* name, heim_error* error) {
  return guard(error, [&] {
    require(name, "name");
    session_of(session).deallocate(name);
  });
}

heim_status heim_session_begin(heim_session* session, const char* modes, heim_error* error) {
  return guard(error, [&] {
    session_of(session).command(modes && *modes ? "begin " + std::string(modes) : "begin");
  });
}

heim_status heim_session_commit(heim_session* session, heim_error* error) {
  return guard(error, [&] { session_of(session).command("commit"); });
}

heim_status heim_session_rollback(heim_session* session, heim_error* error) {
  return guard(error, [&] { session_of(session).rollback(); });
}

heim_status heim_session_cancel(heim_session* session, heim_error* error) {
  return guard(error, [&] { session_of(session).cancel(); });
}

heim_status heim_session_start(heim_session* session, const heim_request* request,
                               heim_done_callback done, void* user_data, heim_error* error) {
  return guard(error, [&] {
    const Asked asked(request);
    std::function<void()> call;
    if (done) call = [done, user_data] { done(user_data); };
    session_of(session).start(asked.request, asked.rows, std::move(call));
  });
}

heim_status heim_session_finish(heim_session* session, uint64_t timeout_ns, const heim_result** out,
                                heim_error* error) {
  return guard(error, [&] {
    embed::Result* result = session_of(session).finish(heim::capi::patience_of(timeout_ns));
    if (out) *out = lend(result);
  });
}

heim_status heim_session_set_patience(heim_session* session, uint64_t timeout_ns,
                                      heim_error* error) {
  return guard(error,
               [&] { session_of(session).set_patience(heim::capi::patience_of(timeout_ns)); });
}

heim_status heim_session_descriptor(heim_session* session, int* out, heim_error* error) {
  return guard(error, [&] {
    require(out, "out");
    *out = session_of(session).wait_descriptor();
  });
}
