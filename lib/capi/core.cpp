// heim_core: the engine for a program's own loop.
#include "heimproxy/core.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <nlohmann/json.hpp>

#include "capi/config.hpp"
#include "capi/guard.hpp"
#include "capi/logger.hpp"
#include "capi/nodes.hpp"
#include "capi/options.hpp"
#include "capi/stop.hpp"
#include "embed/core.hpp"

using heim::Instant;
using heim::capi::Failure;
using heim::capi::guard;
using heim::capi::require;

namespace embed = heim::embed;

namespace {

/// The engine's zero is none of the program's: there it means "never was".
constexpr heim::Duration offset = std::chrono::hours(24);
constexpr std::uint64_t latest = std::uint64_t{1} << 62;
/// Lines that nobody takes.
constexpr std::size_t most_lines = 1000;

Instant instant(std::uint64_t now_ns) {
  if (now_ns > latest) throw Failure(HEIM_INVALID_ARGUMENT, "'now_ns' is too late");
  return Instant(offset + heim::Duration(now_ns));
}

struct Line {
  heim_log_level level;
  std::string text;
};

}  // namespace

struct heim_core {
  explicit heim_core(heim_log_level level)
      : logger(level, &heim_core::keep, this, [this] { return now; }) {}
  ~heim_core() {
    if (core && core->is_broken()) core.release()->abandon();
  }

  static void keep(const heim_log_line* line, void* self) {
    auto& lines = static_cast<heim_core*>(self)->lines;
    if (lines.size() < most_lines) lines.push_back({line->level, {line->text, line->length}});
  }

  Instant now{};
  std::deque<Line> lines;
  heim::capi::CallbackLogger logger;
  std::unique_ptr<embed::Core> core;
  std::string text, shown;  // lent
};

namespace {

embed::Core& engine(heim_core* core) {
  require(core, "core");
  return *core->core;
}

heim_core_options options_of(const heim_core_options* given) {
  constexpr heim_core_options defaults = HEIM_CORE_OPTIONS_INIT;
  const auto options = heim::capi::options_of(given, defaults, sizeof defaults, "options");
  if (options.log_level < HEIM_LOG_CONFIGURED || options.log_level > HEIM_LOG_ERROR) {
    throw Failure(HEIM_INVALID_ARGUMENT, "'log_level' is none of HEIM_LOG_*");
  }
  return options;
}

std::string bytes_of(const void* data, std::size_t length, const char* what) {
  if (length > 0) require(data, what);
  return length > 0 ? std::string(static_cast<const char*>(data), length) : std::string();
}

embed::CoreOptions core_options(const heim_core_options& given) {
  using Wall = heim::auth::WallTime;
  embed::CoreOptions options;
  options.parser_thread = given.parser_thread != 0;
  options.tls = given.tls != 0;
  options.endpoint_hash =
      bytes_of(given.endpoint_hash, given.endpoint_hash_length, "endpoint_hash");
  options.wall_now = std::chrono::system_clock::now();
  if (given.unix_time_ns > 0) {
    const heim::Duration since(std::min(given.unix_time_ns, latest));
    options.wall_now = Wall(std::chrono::duration_cast<Wall::duration>(since));
  }
  return options;
}

embed::Peer peer_of(const heim_peer* given) {
  constexpr heim_peer defaults = HEIM_PEER_INIT;
  const auto peer = heim::capi::options_of(given, defaults, sizeof defaults, "peer");
  return embed::Peer::of(peer.address, peer.user);
}

std::string text_of(const char* text) { return text ? text : ""; }

heim_action_kind kind_of(const embed::Action& action) {
  using Kind = embed::Action::Kind;
  switch (action.kind) {
    case Kind::connect:
      return HEIM_ACTION_CONNECT;
    case Kind::send:
      return HEIM_ACTION_SEND;
    case Kind::flow:
      return action.pause ? HEIM_ACTION_PAUSE : HEIM_ACTION_RESUME;
    case Kind::start_tls:
      return HEIM_ACTION_START_TLS;
    case Kind::close:
      return HEIM_ACTION_CLOSE;
    case Kind::sample:
      return HEIM_ACTION_SAMPLE;
    case Kind::none:
      break;
  }
  return HEIM_ACTION_NONE;
}

heim_tls_verify verify_of(heim::SslMode mode) {
  if (mode == heim::SslMode::verify_full) return HEIM_TLS_FULL;
  return mode == heim::SslMode::verify_ca ? HEIM_TLS_CA : HEIM_TLS_ANY;
}

// Allocates nothing: the action is taken.
void describe(const embed::Core& core, const embed::Action& action, heim_action& out) {
  out.kind = kind_of(action);
  out.connection = action.connection;
  out.data = action.data.empty() ? nullptr : action.data.data();
  out.length = action.data.size();
  if (out.kind == HEIM_ACTION_CONNECT) out.node = core.node_of(action.target);
  if (out.kind == HEIM_ACTION_SAMPLE) out.node = core.primary();
  out.host = action.target.host.c_str();
  out.port = out.kind == HEIM_ACTION_CONNECT ? action.target.port : 0;
  out.as_server = action.as_server;
  out.verify = verify_of(action.verify);
}

std::string json_of(const heim::admin::Table& table) {
  auto rows = nlohmann::ordered_json::array();
  for (const heim::admin::Row& row : table.rows) {
    nlohmann::ordered_json object;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      auto& slot = object[table.columns[i].name];
      if (row[i]) slot = *row[i];
    }
    rows.push_back(std::move(object));
  }
  return rows.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

heim_action next_action(heim_core& core) {
  heim_action out = HEIM_ACTION_INIT;
  if (!core.lines.empty()) {
    core.text = std::move(core.lines.front().text);
    out.kind = HEIM_ACTION_LOG;
    out.level = core.lines.front().level;
    out.text = core.text.c_str();
    core.lines.pop_front();
    return out;
  }
  describe(*core.core, core.core->next_action(), out);
  return out;
}

}  // namespace

heim_status heim_core_new(const heim_config* config, const heim_core_options* options,
                          uint64_t now_ns, heim_core** out, heim_error* error) {
  return guard(error, [&] {
    require(config, "config");
    require(out, "out");
    if (!config->loaded) throw Failure(HEIM_STATE, "no configuration is loaded");
    const heim_core_options wanted = options_of(options);
    const heim::config::Settings& settings = config->loaded->settings;
    auto core = std::make_unique<heim_core>(wanted.log_level);
    core->now = instant(now_ns);
    core->logger.configure(settings.log.level, false);
    core->logger.log_lines(heim::LogLevel::warning, config->warnings);
    try {
      core->core =
          std::make_unique<embed::Core>(settings, core_options(wanted), core->logger, core->now);
    } catch (const embed::Failure& failure) {
      throw Failure(HEIM_CONFIG, failure.what());
    }
    *out = core.release();
  });
}

void heim_core_free(heim_core* core) { delete core; }

heim_status heim_core_advance(heim_core* core, uint64_t now_ns, heim_error* error) {
  return guard(error, [&] {
    const Instant now = instant(now_ns);
    engine(core).advance(now);
    core->now = now;
  });
}

uint64_t heim_core_deadline_ns(const heim_core* core) {
  if (!core) return HEIM_FOREVER;
  const Instant due = core->core->deadline();
  if (due == heim::never) return HEIM_FOREVER;
  return static_cast<std::uint64_t>((due.time_since_epoch() - offset).count());
}

heim_status heim_core_next_action(heim_core* core, heim_action* out, heim_error* error) {
  return guard(error, [&] {
    engine(core);
    heim::capi::require_size(out, "out");
    heim::capi::put_struct(out, next_action(*core), "out");
  });
}

heim_status heim_core_accept(heim_core* core, const heim_peer* peer, uint64_t* connection,
                             heim_error* error) {
  return guard(error, [&] {
    require(peer, "peer");
    require(connection, "connection");
    *connection = engine(core).accept(peer_of(peer));
  });
}

heim_status heim_core_connected(heim_core* core, uint64_t connection, const heim_peer* peer,
                                heim_error* error) {
  return guard(error, [&] {
    auto known = peer ? std::optional(peer_of(peer)) : std::nullopt;
    engine(core).connected(connection, std::move(known));
  });
}

heim_status heim_core_received(heim_core* core, uint64_t connection, const void* data,
                               size_t length, heim_error* error) {
  return guard(error, [&] {
    if (length > 0) require(data, "data");
    engine(core).received(connection, {static_cast<const std::uint8_t*>(data), length});
  });
}

heim_status heim_core_unsent(heim_core* core, uint64_t connection, const void** data,
                             size_t* length, heim_error* error) {
  return guard(error, [&] {
    require(data, "data");
    require(length, "length");
    const heim::Bytes bytes = engine(core).unsent(connection);
    *data = bytes.data();
    *length = bytes.size();
  });
}

heim_status heim_core_sent(heim_core* core, uint64_t connection, size_t count, heim_error* error) {
  return guard(error, [&] { engine(core).sent(connection, count); });
}

heim_status heim_core_ended(heim_core* core, uint64_t connection, const char* why,
                            heim_error* error) {
  return guard(error, [&] {
    // A reason without words is one, too.
    engine(core).ended(connection, why && !*why ? "it failed" : text_of(why));
  });
}

heim_status heim_core_secured(heim_core* core, uint64_t connection, const heim_tls* given,
                              heim_error* error) {
  return guard(error, [&] {
    constexpr heim_tls defaults = HEIM_TLS_INIT;
    require(given, "tls");
    const auto tls = heim::capi::options_of(given, defaults, sizeof defaults, "tls");
    heim::TlsInfo info;
    info.version = text_of(tls.version);
    info.cipher = text_of(tls.cipher);
    info.alpn = text_of(tls.alpn);
    info.peer_common_name = text_of(tls.peer_common_name);
    info.peer_distinguished_name = text_of(tls.peer_distinguished_name);
    info.endpoint_hash = bytes_of(tls.endpoint_hash, tls.endpoint_hash_length, "endpoint_hash");
    engine(core).secured(connection, info);
  });
}

heim_status heim_core_set_node(heim_core* core, const char* name, const heim_node_state* state,
                               heim_error* error) {
  return guard(error, [&] {
    require(name, "name");
    require(state, "state");
    engine(core).set_node(name, heim::capi::node_view(*state));
  });
}

heim_status heim_core_sample_begin(heim_core* core, uint64_t* sample, heim_error* error) {
  return guard(error, [&] {
    require(sample, "sample");
    *sample = engine(core).begin_sample();
  });
}

heim_status heim_core_sample_end(heim_core* core, uint64_t sample, uint64_t lsn,
                                 heim_error* error) {
  return guard(error, [&] { engine(core).end_sample(sample, lsn); });
}

heim_status heim_core_invalidate(heim_core* core, const char* database, const char* table,
                                 heim_error* error) {
  return guard(error,
               [&] { engine(core).invalidate(database ? database : "", table ? table : ""); });
}

heim_status heim_core_show(heim_core* core, const char* what, const char** out, heim_error* error) {
  return guard(error, [&] {
    require(what, "what");
    require(out, "out");
    core->shown = json_of(engine(core).show(what));
    *out = core->shown.c_str();
  });
}

heim_status heim_core_stop(heim_core* core, heim_stop how, heim_error* error) {
  return guard(error, [&] { engine(core).stop(heim::capi::shutdown_of(how)); });
}
