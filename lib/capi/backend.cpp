// Backends of the program: its callbacks as handlers, and what it says to an answer.
#include "heimproxy/backend.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "backend/link.hpp"
#include "backend/messages.hpp"
#include "backend/query.hpp"
#include "capi/guard.hpp"
#include "capi/options.hpp"
#include "capi/proxy.hpp"

using heim::Bytes;
using heim::Error;
using heim::Result;
using heim::capi::Failure;
using heim::capi::guard;
using heim::capi::require;

namespace backend = heim::backend;

namespace {

heim_reply c_reply(backend::Reply reply) { return {reply.link, reply.number}; }

bool is_sqlstate(std::string_view text) {
  return text.size() == 5 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
         });
}

Error error_of(const heim_error& given, std::string_view sqlstate, std::string_view what) {
  const std::string_view state = given.sqlstate, message = given.message;
  return {std::string(is_sqlstate(state) ? state : sqlstate),
          std::string(message.empty() ? what : message),
          {},
          {}};
}

/// The program's end of a connection, at either level.
template <class Callbacks>
Result<void*> open(const Callbacks& callbacks, const std::string& user,
                   const std::string& database) {
  heim_error error{};
  void* connection = nullptr;
  const heim_status status =
      callbacks.open(user.c_str(), database.c_str(), &connection, &error, callbacks.user_data);
  error.sqlstate[5] = error.message[sizeof error.message - 1] = '\0';
  if (status != HEIM_OK) return error_of(error, "08006", "the backend gave no connection");
  return connection;
}

// ---- message level ------------------------------------------------------------------------

class Messages final : public backend::MessageHandler {
 public:
  Messages(const heim_backend& callbacks, void* connection)
      : callbacks_(callbacks), connection_(connection) {}
  void on_message(backend::Reply reply, std::uint8_t tag, Bytes body) override {
    callbacks_.message(connection_, static_cast<char>(tag), body.data(), body.size(),
                       c_reply(reply), callbacks_.user_data);
  }
  void cancel() override {
    if (callbacks_.cancel) callbacks_.cancel(connection_, callbacks_.user_data);
  }
  void close() override {
    if (callbacks_.close) callbacks_.close(connection_, callbacks_.user_data);
  }

 private:
  const heim_backend& callbacks_;
  void* const connection_;
};

class MessageBackend final : public backend::Backend {
 public:
  explicit MessageBackend(const heim_backend& callbacks) : callbacks_(callbacks) {}
  Result<std::shared_ptr<backend::Connection>> open(backend::Link& link,
                                                    const backend::Login& login) override {
    const Result<void*> opened = ::open(callbacks_, login.user, login.database);
    if (!opened) return opened.error();
    return std::shared_ptr<backend::Connection>(std::make_shared<backend::MessageConnection>(
        link, std::make_unique<Messages>(callbacks_, *opened)));
  }

 private:
  const heim_backend callbacks_;
};

// ---- query level --------------------------------------------------------------------------

heim_value c_value(const backend::Value& value) {
  return {value.data, value.length, value.type,
          value.binary ? HEIM_FORMAT_BINARY : HEIM_FORMAT_TEXT};
}

class Queries final : public backend::QueryHandler {
 public:
  Queries(const heim_query_backend& callbacks, const backend::Login& login, void* connection)
      : callbacks_(callbacks), login_(login), connection_(connection) {}

  void execute(backend::Reply reply, const backend::Statement& statement) override {
    call(callbacks_.execute, reply, statement);
  }
  bool describes() const override { return callbacks_.describe != nullptr; }
  void describe(backend::Reply reply, const backend::Statement& statement) override {
    call(callbacks_.describe, reply, statement);
  }
  Result<void> reset() override {
    if (!callbacks_.reset) return open_anew();
    heim_error error{};
    if (callbacks_.reset(connection_, &error, callbacks_.user_data) == HEIM_OK) return {};
    error.sqlstate[5] = error.message[sizeof error.message - 1] = '\0';
    return error_of(error, "08006", "the backend could not reset its session");
  }
  void cancel() override {
    const std::lock_guard lock(mutex_);
    if (callbacks_.cancel && is_open_) callbacks_.cancel(connection_, callbacks_.user_data);
  }
  void close() override {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_open_, false) && callbacks_.close) {
      callbacks_.close(connection_, callbacks_.user_data);
    }
  }

 private:
  using Call = void (*)(void*, const heim_statement*, heim_reply, void*);
  void call(Call how, backend::Reply reply, const backend::Statement& given) {
    std::vector<heim_value> values;
    for (const backend::Value& value : given.values) values.push_back(c_value(value));
    const std::string sql(given.sql);
    const heim_statement statement{sizeof statement, given.simple,  sql.c_str(),
                                   sql.size(),       values.data(), values.size()};
    how(connection_, &statement, c_reply(reply), callbacks_.user_data);
  }
  Result<void> open_anew() {
    close();
    const Result<void*> opened = ::open(callbacks_, login_.user, login_.database);
    if (!opened) return opened.error();
    const std::lock_guard lock(mutex_);
    connection_ = *opened;
    is_open_ = true;
    return {};
  }

  const heim_query_backend& callbacks_;
  const backend::Login login_;
  std::mutex mutex_;  // cancel() against what changes these
  void* connection_;
  bool is_open_ = true;
};

class QueryBackend final : public backend::Backend {
 public:
  explicit QueryBackend(const heim_query_backend& callbacks) : callbacks_(callbacks) {}
  Result<std::shared_ptr<backend::Connection>> open(backend::Link& link,
                                                    const backend::Login& login) override {
    const Result<void*> opened = ::open(callbacks_, login.user, login.database);
    if (!opened) return opened.error();
    return std::shared_ptr<backend::Connection>(std::make_shared<backend::QueryConnection>(
        link, std::make_unique<Queries>(callbacks_, login, *opened)));
  }

 private:
  const heim_query_backend callbacks_;
};

// ---- answers ------------------------------------------------------------------------------

void check(backend::Said said) {
  switch (said) {
    case backend::Said::ok:
      return;
    case backend::Said::closed:
      throw Failure(HEIM_CLOSED, "nobody waits for this answer");
    case backend::Said::misplaced:
      throw Failure(HEIM_STATE, "this cannot be said now");
    case backend::Said::malformed:
      throw Failure(HEIM_INVALID_ARGUMENT, "these are no messages that may be sent now");
    case backend::Said::too_large:
      throw Failure(HEIM_VALUE, "a value cannot be told in the format that was asked for");
  }
}

template <class Connection>
std::shared_ptr<Connection> connection_of(heim_reply reply) {
  require(reply.place, "reply");
  auto found = static_cast<backend::Link*>(reply.place)->find(reply.number);
  if (!found) check(backend::Said::closed);
  auto connection = std::dynamic_pointer_cast<Connection>(found);
  if (!connection) throw Failure(HEIM_STATE, "the backend was added at the other level");
  return connection;
}

template <class Say>
heim_status say(heim_reply reply, heim_error* error, Say&& how) {
  return guard(error, [&] {
    const auto connection = connection_of<backend::QueryConnection>(reply);
    check(how(connection->answer()));
  });
}

void add(heim_proxy* proxy, const char* name, std::unique_ptr<backend::Backend> made) {
  require(proxy, "proxy");
  require(name, "name");
  if (proxy->start_tried) throw Failure(HEIM_STATE, "backends are added before the start");
  if (!*name || proxy->engine->has_backend(name)) {
    throw Failure(HEIM_INVALID_ARGUMENT, "'name' is empty, or another backend's");
  }
  proxy->engine->add_backend(name, std::move(made));
}

char status_of(heim_transaction state) {
  switch (state) {
    case HEIM_TRANSACTION_NONE:
      return 'I';
    case HEIM_TRANSACTION_OPEN:
      return 'T';
    case HEIM_TRANSACTION_FAILED:
      return 'E';
    default:
      throw Failure(HEIM_INVALID_ARGUMENT, "'state' is not NONE, OPEN or FAILED");
  }
}

}  // namespace

heim_status heim_proxy_add_backend(heim_proxy* proxy, const char* name, const heim_backend* given,
                                   heim_error* error) {
  return guard(error, [&] {
    require(given, "backend");
    constexpr heim_backend defaults = HEIM_BACKEND_INIT;
    const auto callbacks = heim::capi::options_of(given, defaults, sizeof(heim_backend), "backend");
    if (!callbacks.open || !callbacks.message) {
      throw Failure(HEIM_INVALID_ARGUMENT, "a backend needs 'open' and 'message'");
    }
    add(proxy, name, std::make_unique<MessageBackend>(callbacks));
  });
}

heim_status heim_proxy_add_query_backend(heim_proxy* proxy, const char* name,
                                         const heim_query_backend* given, heim_error* error) {
  return guard(error, [&] {
    require(given, "backend");
    constexpr heim_query_backend defaults = HEIM_QUERY_BACKEND_INIT;
    const auto callbacks =
        heim::capi::options_of(given, defaults, sizeof(heim_query_backend), "backend");
    if (!callbacks.open || !callbacks.execute) {
      throw Failure(HEIM_INVALID_ARGUMENT, "a backend needs 'open' and 'execute'");
    }
    add(proxy, name, std::make_unique<QueryBackend>(callbacks));
  });
}

heim_status heim_reply_send(heim_reply reply, const void* messages, size_t length,
                            heim_error* error) {
  return guard(error, [&] {
    require(messages, "messages");
    const auto connection = connection_of<backend::MessageConnection>(reply);
    check(connection->send(reply.number, {static_cast<const std::uint8_t*>(messages), length}));
  });
}

heim_status heim_reply_parameters(heim_reply reply, const uint32_t* types, size_t count,
                                  heim_error* error) {
  return say(reply, error, [&](backend::Answer& answer) {
    if (count > 0) require(types, "types");
    if (count > UINT16_MAX) throw Failure(HEIM_INVALID_ARGUMENT, "'count' is above 65535");
    return answer.parameters(reply.number, {types, count});
  });
}

heim_status heim_reply_columns(heim_reply reply, const char* const* names, const uint32_t* types,
                               size_t count, heim_error* error) {
  return say(reply, error, [&](backend::Answer& answer) {
    if (count > 0) require(names, "names");
    std::vector<backend::Column> columns;
    for (std::size_t i = 0; i < count; ++i) {
      require(names[i], "names");
      columns.push_back({names[i], types && types[i] != 0 ? types[i] : backend::oid::text});
    }
    return answer.columns(reply.number, std::move(columns));
  });
}

heim_status heim_reply_row(heim_reply reply, const heim_value* values, size_t count,
                           heim_error* error) {
  return say(reply, error, [&](backend::Answer& answer) {
    if (count > 0) require(values, "values");
    std::vector<backend::Value> row(count);
    for (std::size_t i = 0; i < count; ++i) {
      row[i] = {values[i].data, values[i].length, 0, values[i].format == HEIM_FORMAT_BINARY};
    }
    return answer.row(reply.number, row);
  });
}

heim_status heim_reply_complete(heim_reply reply, const char* tag, heim_error* error) {
  return say(reply, error, [&](backend::Answer& answer) {
    return answer.complete(reply.number, tag ? tag : "");
  });
}

heim_status heim_reply_error(heim_reply reply, const char* sqlstate, const char* message,
                             const char* detail, heim_error* error) {
  return say(reply, error, [&](backend::Answer& answer) {
    require(sqlstate, "sqlstate");
    require(message, "message");
    if (!is_sqlstate(sqlstate)) {
      throw Failure(HEIM_INVALID_ARGUMENT, "'sqlstate' is not five digits and capital letters");
    }
    return answer.error(reply.number, sqlstate, message, detail ? detail : "");
  });
}

heim_status heim_reply_end(heim_reply reply, heim_transaction state, heim_error* error) {
  return say(reply, error,
             [&](backend::Answer& answer) { return answer.over(reply.number, status_of(state)); });
}
