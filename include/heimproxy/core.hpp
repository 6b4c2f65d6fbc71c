// core.hpp -- core.h for C++20: the engine in a loop of the program's own.
//
//   heimproxy::Core core(config, now());
//   for (;;) {
//     wait(sockets, core.deadline());
//     core.advance(now());
//     // core.accept(), received(), sent(), ended(): what came
//     while (const auto action = core.next_action()) carry_out(*action);
//   }
//
// It moves and does not copy; what fails throws Error. Times are of any clock that never goes back.
// For what an action lends, and for what a call means, see core.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "heimproxy/config.hpp"
#include "heimproxy/core.h"
#include "heimproxy/router.hpp"

namespace heimproxy {

struct CoreOptions {
  heim_log_level log_level = HEIM_LOG_CONFIGURED;
  bool parser_thread = false;
  bool tls = false;
  std::span<const std::byte> endpoint_hash = {};
};

class Core {
 public:
  using Bytes = std::span<const std::byte>;

  Core(const Config& config, Nanoseconds now, const CoreOptions& options = {}) {
    heim_core_options given = HEIM_CORE_OPTIONS_INIT;
    given.log_level = options.log_level;
    given.parser_thread = options.parser_thread;
    given.tls = options.tls;
    given.endpoint_hash = options.endpoint_hash.data();
    given.endpoint_hash_length = options.endpoint_hash.size();
    heim_core* handle = nullptr;
    detail::check([&](auto error) {
      return heim_core_new(config.handle(), &given, ns(now), &handle, error);
    });
    handle_.reset(handle);
  }
  heim_core* handle() const { return handle_.get(); }

  // ---- time, and what is to be done
  void advance(Nanoseconds now) {
    detail::check([&](auto error) { return heim_core_advance(handle(), ns(now), error); });
  }
  /// When to call advance() at the latest; nothing: nothing is due.
  std::optional<Nanoseconds> deadline() const {
    const std::uint64_t due = heim_core_deadline_ns(handle());
    if (due == HEIM_FOREVER) return std::nullopt;
    return Nanoseconds(static_cast<std::int64_t>(due));
  }
  /// Nothing: there is nothing to do. What it lends is lent until the next call.
  std::optional<heim_action> next_action() {
    heim_action action = HEIM_ACTION_INIT;
    detail::check([&](auto error) { return heim_core_next_action(handle(), &action, error); });
    if (action.kind == HEIM_ACTION_NONE) return std::nullopt;
    return action;
  }

  // ---- connections
  /// A client came; the connection's number. Without an address: by a unix socket.
  std::uint64_t accept(const std::string& address = {}, const std::string& user = {}) {
    heim_peer peer = HEIM_PEER_INIT;
    peer.address = detail::or_null(address);
    peer.user = detail::or_null(user);
    std::uint64_t connection = 0;
    detail::check(
        [&](auto error) { return heim_core_accept(handle(), &peer, &connection, error); });
    return connection;
  }
  void connected(std::uint64_t connection) {
    detail::check(
        [&](auto error) { return heim_core_connected(handle(), connection, nullptr, error); });
  }
  void received(std::uint64_t connection, Bytes bytes) {
    detail::check([&](auto error) {
      return heim_core_received(handle(), connection, bytes.data(), bytes.size(), error);
    });
  }
  /// All that is to be sent to it now. Lent until the next call.
  Bytes unsent(std::uint64_t connection) {
    const void* data = nullptr;
    std::size_t length = 0;
    detail::check(
        [&](auto error) { return heim_core_unsent(handle(), connection, &data, &length, error); });
    return {static_cast<const std::byte*>(data), length};
  }
  void sent(std::uint64_t connection, std::size_t count) {
    detail::check([&](auto error) { return heim_core_sent(handle(), connection, count, error); });
  }
  /// `why` empty: its peer ended it.
  void ended(std::uint64_t connection, const std::string& why = {}) {
    detail::check([&](auto error) {
      return heim_core_ended(handle(), connection, detail::or_null(why), error);
    });
  }
  void secured(std::uint64_t connection, const heim_tls& tls) {
    detail::check([&](auto error) { return heim_core_secured(handle(), connection, &tls, error); });
  }

  // ---- nodes and the cache
  void set_node(const std::string& name, const NodeState& state) {
    const heim_node_state given = state.given();
    detail::check(
        [&](auto error) { return heim_core_set_node(handle(), name.c_str(), &given, error); });
  }
  std::uint64_t begin_sample() {
    std::uint64_t sample = 0;
    detail::check([&](auto error) { return heim_core_sample_begin(handle(), &sample, error); });
    return sample;
  }
  void end_sample(std::uint64_t sample, std::uint64_t lsn) {
    detail::check([&](auto error) { return heim_core_sample_end(handle(), sample, lsn, error); });
  }
  /// A table that was written past the core; with neither, all that is kept.
  void invalidate(const std::string& database = {}, const std::string& table = {}) {
    detail::check([&](auto error) {
      return heim_core_invalidate(handle(), detail::or_null(database), detail::or_null(table),
                                  error);
    });
  }

  /// As JSON.
  std::string show(const std::string& what) {
    return detail::text(
        [&](auto out, auto error) { return heim_core_show(handle(), what.c_str(), out, error); });
  }
  /// It is over when no connection is left.
  void stop(heim_stop how = HEIM_STOP_WAIT_FOR_CLIENTS) {
    detail::check([&](auto error) { return heim_core_stop(handle(), how, error); });
  }

 private:
  static std::uint64_t ns(Nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }
  std::unique_ptr<heim_core, detail::Free<heim_core_free>> handle_;
};

}  // namespace heimproxy
