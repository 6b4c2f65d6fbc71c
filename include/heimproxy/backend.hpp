// backend.hpp -- part of heimproxy.hpp: servers that are not PostgreSQL, made by the program.
//
//   class Numbers : public heimproxy::QueryConnection {
//     void execute(const heimproxy::Statement& statement, heimproxy::Reply reply) override {
//       if (statement.sql() != "answer")
//         throw heimproxy::Error(HEIM_SERVER, "42601", "there is one question");
//       reply.columns({{"n", 20}});
//       reply.row(42);
//       reply.complete();
//       reply.end();
//     }
//   };
//   proxy.add_query_backend("numbers", [](const heimproxy::Login&) {
//     return std::make_unique<Numbers>();
//   });
//
// A connection object is made for each server connection and destroyed with it. Threads, and what
// may be said when: as backend.h has it. What a call throws goes no further: the client is told, by
// the Error's SQLSTATE and message if it is one.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heimproxy/backend.h"
#include "heimproxy/parameter.hpp"
#include "heimproxy/result.hpp"

namespace heimproxy {

/// Whom a server connection is for: judged already.
struct Login {
  std::string_view user, database;
};

/// A column of the rows that follow; `type`: pg_type's oid.
struct Column {
  std::string name;
  std::uint32_t type = 25;
};

/// What is to be run or described. Lent for the call.
class Statement {
 public:
  explicit Statement(const heim_statement& given) : given_(given) {}
  std::string_view sql() const { return {given_.sql, given_.sql_length}; }
  /// There may be several statements in it, and no parameters.
  bool is_simple() const { return given_.simple != 0; }
  std::size_t size() const { return given_.value_count; }
  /// The parameter $(index + 1); nothing: NULL.
  std::optional<std::string_view> operator[](std::size_t index) const {
    const heim_value& value = given_.values[index];
    if (!value.data) return std::nullopt;
    return std::string_view(static_cast<const char*>(value.data), value.length);
  }
  const heim_statement& raw() const { return given_; }

 private:
  const heim_statement& given_;
};

/// An answer that somebody waits for: copied and handed to other threads as one likes. Calls throw
/// an Error of HEIM_CLOSED where nobody waits any more.
class Reply {
 public:
  explicit Reply(heim_reply handle) : handle_(handle) {}
  heim_reply handle() const { return handle_; }

  // ---- at query level -------------------------------------------------------------
  void parameters(const std::vector<std::uint32_t>& types) {
    detail::check([&](auto error) {
      return heim_reply_parameters(handle_, types.data(), types.size(), error);
    });
  }
  void columns(const std::vector<Column>& columns) {
    std::vector<const char*> names;
    std::vector<std::uint32_t> types;
    for (const Column& column : columns) {
      names.push_back(column.name.c_str());
      types.push_back(column.type);
    }
    detail::check([&](auto error) {
      return heim_reply_columns(handle_, names.data(), types.data(), names.size(), error);
    });
  }
  /// One row. Values as parameters have them: nullptr is NULL.
  template <class... Values>
  void row(const Values&... values) {
    const std::array<Parameter, sizeof...(values)> held{Parameter(values)...};
    std::array<heim_value, sizeof...(values)> row{};
    for (std::size_t i = 0; i < held.size(); ++i) row[i] = held[i].value();
    this->values(row.data(), row.size());
  }
  void values(const heim_value* values, std::size_t count) {
    detail::check([&](auto error) { return heim_reply_row(handle_, values, count, error); });
  }
  /// Empty: "SELECT n", by the rows.
  void complete(const std::string& tag = {}) {
    detail::check(
        [&](auto error) { return heim_reply_complete(handle_, detail::or_null(tag), error); });
  }
  void error(const std::string& sqlstate, const std::string& message,
             const std::string& detail = {}) {
    detail::check([&](auto error) {
      return heim_reply_error(handle_, sqlstate.c_str(), message.c_str(), detail::or_null(detail),
                              error);
    });
  }
  void end(heim_transaction state = HEIM_TRANSACTION_NONE) {
    detail::check([&](auto error) { return heim_reply_end(handle_, state, error); });
  }

  // ---- at message level -----------------------------------------------------------
  void send(std::string_view messages) {
    detail::check([&](auto error) {
      return heim_reply_send(handle_, messages.data(), messages.size(), error);
    });
  }

 private:
  heim_reply handle_;
};

/// A server connection at query level.
class QueryConnection {
 public:
  virtual ~QueryConnection() = default;
  /// Columns and rows, or an error; then the end.
  virtual void execute(const Statement& statement, Reply reply) = 0;
  /// What parameters and columns it would have; then the end. Unless it is overridden, drivers that
  /// ask for it get 0A000.
  virtual void describe(const Statement&, Reply) {
    throw Error(HEIM_SERVER, "0A000", "this backend cannot describe statements");
  }
  /// Another client is next. False: it cannot be made as new, and is not used any more.
  virtual bool reset() { return false; }
  /// What runs is to end soon. On another thread.
  virtual void cancel() {}
  /// The state that a call leaves behind which throws before the end.
  virtual heim_transaction transaction() const { return HEIM_TRANSACTION_NONE; }
};

/// One at message level.
class MessageConnection {
 public:
  virtual ~MessageConnection() = default;
  /// A message of the frontend's, to be answered with Reply::send(). What it throws ends the
  /// connection with 08P01.
  virtual void message(char type, std::string_view body, Reply reply) = 0;
  virtual void cancel() {}
};

/// Makes a connection; throws, or makes none: the login fails.
using OpenQuery = std::function<std::unique_ptr<QueryConnection>(const Login&)>;
using OpenMessage = std::function<std::unique_ptr<MessageConnection>(const Login&)>;

namespace detail {

/// The exception at hand, as a client is told it.
inline void tell_exception(heim_error& to) noexcept {
  const auto put = [&to](std::string_view sqlstate, std::string_view message) {
    to.sqlstate[sqlstate.copy(to.sqlstate, sizeof to.sqlstate - 1)] = '\0';
    std::size_t size = std::min(message.size(), sizeof to.message - 1);
    while (size > 0 && size < message.size() && (message[size] & 0xC0) == 0x80) --size;
    to.message[message.copy(to.message, size)] = '\0';
  };
  try {
    throw;
  } catch (const Error& error) {
    put(error.sqlstate().size() == 5 ? error.sqlstate() : "XX000", error.what());
  } catch (const std::bad_alloc&) {
    put("53200", "out of memory");
  } catch (const std::exception& error) {
    put("XX000", error.what());
  } catch (...) {
    put("XX000", "the backend failed");
  }
}

/// What both levels have in common. The user_data is the function that opens.
template <class Connection>
struct Callbacks {
  using Open = std::function<std::unique_ptr<Connection>(const Login&)>;
  static Connection& at(void* connection) { return *static_cast<Connection*>(connection); }

  static heim_status open(const char* user, const char* database, void** connection,
                          heim_error* error, void* open) noexcept {
    try {
      std::unique_ptr<Connection> made = (*static_cast<const Open*>(open))({user, database});
      if (!made) return HEIM_SERVER;
      *connection = made.release();
      return HEIM_OK;
    } catch (...) {
      tell_exception(*error);
      return HEIM_SERVER;
    }
  }
  static void cancel(void* connection, void*) noexcept {
    try {
      at(connection).cancel();
    } catch (...) {
      // It was a wish: what runs goes on.
    }
  }
  static void close(void* connection, void*) noexcept { delete &at(connection); }
};

struct QueryCallbacks : Callbacks<QueryConnection> {
  /// What was said before fails, or is over: then nobody hears this.
  static void fail(QueryConnection& connection, heim_reply reply) noexcept {
    heim_error error{};
    tell_exception(error);
    heim_reply_error(reply, error.sqlstate, error.message, nullptr, nullptr);
    heim_reply_end(reply, connection.transaction(), nullptr);
  }
  static void execute(void* connection, const heim_statement* statement, heim_reply reply,
                      void*) noexcept {
    try {
      at(connection).execute(Statement(*statement), Reply(reply));
    } catch (...) {
      fail(at(connection), reply);
    }
  }
  static void describe(void* connection, const heim_statement* statement, heim_reply reply,
                       void*) noexcept {
    try {
      at(connection).describe(Statement(*statement), Reply(reply));
    } catch (...) {
      fail(at(connection), reply);
    }
  }
  static heim_status reset(void* connection, heim_error* error, void*) noexcept {
    try {
      return at(connection).reset() ? HEIM_OK : HEIM_STATE;
    } catch (...) {
      tell_exception(*error);
      return HEIM_STATE;
    }
  }
};

struct MessageCallbacks : Callbacks<MessageConnection> {
  static void message(void* connection, char type, const void* body, std::size_t length,
                      heim_reply reply, void*) noexcept {
    try {
      at(connection).message(type, {static_cast<const char*>(body), length}, Reply(reply));
    } catch (...) {
      heim_reply_send(reply, "", 1, nullptr);  // no message: the library ends the connection
    }
  }
};

}  // namespace detail

}  // namespace heimproxy
