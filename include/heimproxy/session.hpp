// session.hpp -- part of heimproxy.hpp: sessions, transactions, streamed rows, coroutines.
#pragma once

#include <array>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heimproxy/parameter.hpp"
#include "heimproxy/result.hpp"

namespace heimproxy {

struct SessionOptions {
  std::string user = {}, database = {}, password = {}, application_name = {};
  std::vector<std::pair<std::string, std::string>> settings = {};
  std::size_t result_bytes_max = 0;
};

struct Notification {
  std::uint32_t pid;
  std::string channel, payload;
};

class Session;

/// Rolls back unless it was committed.
class Transaction {
 public:
  explicit Transaction(Session& session, const std::string& modes = {});
  ~Transaction();
  Transaction(Transaction&& other) noexcept : session_(std::exchange(other.session_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  void commit();
  void rollback();

 private:
  Session* session_;
};

/// Hands a coroutine to whoever shall go on with it. Called on a thread of the library: it must not
/// resume it there.
using Executor = std::function<void(std::coroutine_handle<>)>;

class Session {
 public:
  explicit Session(heim_session* handle) : handle_(handle) {}
  heim_session* handle() const { return handle_.get(); }

  /// How long calls wait that ask for something: as long as it takes at first. One that would wait
  /// longer throws an Error of HEIM_TIMED_OUT and goes on; finish() has its outcome.
  void set_patience(Nanoseconds limit) {
    detail::check([&](auto error) {
      return heim_session_set_patience(handle(), detail::limit(limit), error);
    });
  }
  /// The outcome of what goes on; without a handle() where that has no result. Nothing: `limit`
  /// passed first, and it still goes on.
  std::optional<Result> finish(Nanoseconds limit = forever) {
    const heim_result* result = nullptr;
    heim_error error;
    const heim_status status = heim_session_finish(handle(), detail::limit(limit), &result, &error);
    if (status == HEIM_TIMED_OUT) return std::nullopt;
    if (status != HEIM_OK) throw Error(error);
    return Result(result);
  }
  /// How the values of results come from now on, but those of query(): in text at first.
  void set_result_format(heim_format format) { result_format_ = format; }

  /// The first result of a text; next() has the others.
  Result query(const std::string& sql) {
    return ask([&](auto out, auto error) {
      return heim_session_query(handle(), sql.c_str(), out, error);
    });
  }
  template <class... Parameters>
  Result run(const std::string& sql, const Parameters&... parameters) {
    return run_with(request_of(sql, nullptr, false), parameters...);
  }
  /// A prepared statement.
  template <class... Parameters>
  Result run_prepared(const std::string& name, const Parameters&... parameters) {
    return run_with(request_of({}, name.c_str(), false), parameters...);
  }
  Expected<Result> try_query(const std::string& sql) {
    return detail::attempt([&] { return query(sql); });
  }
  template <class... Parameters>
  Expected<Result> try_run(const std::string& sql, const Parameters&... parameters) {
    return detail::attempt([&] { return run(sql, parameters...); });
  }
  std::optional<Result> next() {
    const Result result =
        ask([&](auto out, auto error) { return heim_session_next(handle(), out, error); });
    return result.handle() ? std::optional(result) : std::nullopt;
  }

  /// The rows of one statement, few of them in memory at a time: an input range.
  class Rows;
  template <class... Parameters>
  Rows stream(const std::string& sql, const Parameters&... parameters);

  Result prepare(const std::string& name, const std::string& sql) {
    return ask([&](auto out, auto error) {
      return heim_session_prepare(handle(), name.c_str(), sql.c_str(), nullptr, 0, out, error);
    });
  }
  void deallocate(const std::string& name) {
    detail::check(
        [&](auto error) { return heim_session_deallocate(handle(), name.c_str(), error); });
  }
  Transaction begin(const std::string& modes = {}) { return Transaction(*this, modes); }

  void copy_write(std::string_view data) {
    detail::check([&](auto error) {
      return heim_session_copy_write(handle(), data.data(), data.size(), error);
    });
  }
  /// `reason`: why the data is of no use.
  Result copy_end(const std::optional<std::string>& reason = {}) {
    return ask([&](auto out, auto error) {
      return heim_session_copy_end(handle(), reason ? reason->c_str() : nullptr, out, error);
    });
  }
  std::optional<std::string_view> copy_read() {
    const void* data = nullptr;
    std::size_t size = 0;
    detail::check(
        [&](auto error) { return heim_session_copy_read(handle(), &data, &size, error); });
    if (!data) return std::nullopt;
    return std::string_view(static_cast<const char*>(data), size);
  }

  /// [any thread]
  void cancel() {
    detail::check([&](auto error) { return heim_session_cancel(handle(), error); });
  }
  std::optional<Notification> notification(Nanoseconds limit = forever) {
    heim_notification told{};
    told.struct_size = sizeof told;
    heim_error error;
    const heim_status status =
        heim_session_notification(handle(), detail::limit(limit), &told, &error);
    if (status == HEIM_TIMED_OUT) return std::nullopt;
    if (status != HEIM_OK) throw Error(error);
    return Notification{told.pid, told.channel, told.payload};
  }
  std::optional<std::string> parameter(const std::string& name) {
    const char* value = heim_session_parameter(handle(), name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  }
  /// Where a statement would go now, and why, as JSON.
  std::string explain_route(const std::string& sql) {
    const char* text = "";
    detail::check(
        [&](auto error) { return heim_route_explain(handle(), sql.c_str(), &text, error); });
    return text;
  }
  heim_transaction transaction() { return heim_session_transaction(handle()); }
  /// Of the last Error: 'D' detail, 'H' hint, ...; empty if it has none.
  std::string error_field(char letter) {
    const char* text = heim_session_error_field(handle(), letter);
    return text ? text : std::string();
  }

  /// co_await gives the Result, or throws.
  class Awaitable;
  template <class... Parameters>
  Awaitable run_async(Executor executor, const std::string& sql, const Parameters&... parameters);

 private:
  template <class Call>
  Result ask(Call&& call) {
    const heim_result* result = nullptr;
    detail::check([&](heim_error* error) { return call(&result, error); });
    return Result(result);
  }
  heim_request request_of(const std::string& sql, const char* name, bool streamed) const {
    heim_request request = HEIM_REQUEST_INIT;
    request.result_format = result_format_;
    request.sql = name ? nullptr : sql.c_str();
    request.statement = name;
    request.streamed = streamed;
    return request;
  }
  /// Calls `use(request)` with the parameters in it.
  template <class Use, class... Parameters>
  static void with(heim_request request, Use&& use, const Parameters&... parameters) {
    const std::array<Parameter, sizeof...(parameters)> held{Parameter(parameters)...};
    std::array<heim_value, sizeof...(parameters)> values{};
    for (std::size_t i = 0; i < held.size(); ++i) values[i] = held[i].value();
    request.values = values.data();
    request.value_count = values.size();
    use(request);
  }
  template <class... Parameters>
  Result run_with(const heim_request& asked, const Parameters&... parameters) {
    Result result;
    with(
        asked,
        [&](const heim_request& request) {
          result = ask([&](auto out, auto error) {
            return heim_session_run(handle(), &request, out, error);
          });
        },
        parameters...);
    return result;
  }

  std::unique_ptr<heim_session, detail::Free<heim_session_close>> handle_;
  heim_format result_format_ = HEIM_FORMAT_TEXT;
};

class Session::Rows {
 public:
  struct Iterator {
    using value_type = Row;
    using difference_type = std::ptrdiff_t;
    Rows* rows = nullptr;
    Row operator*() const { return rows->portion_[rows->row_]; }
    Iterator& operator++() {
      rows->step();
      return *this;
    }
    void operator++(int) { rows->step(); }
    bool operator==(std::default_sentinel_t) const { return rows->ended_; }
  };
  Rows(Session& session, Result first) : session_(&session), portion_(first) { settle(); }
  Iterator begin() { return {this}; }
  std::default_sentinel_t end() const { return {}; }

 private:
  void step() {
    ++row_;
    settle();
  }
  void settle() {
    while (!ended_ && row_ >= portion_.size()) {
      const std::optional<Result> more = session_->next();
      ended_ = !more;
      if (more) portion_ = *more;
      row_ = 0;
    }
  }
  Session* session_;
  Result portion_;
  std::size_t row_ = 0;
  bool ended_ = false;
};

template <class... Parameters>
Session::Rows Session::stream(const std::string& sql, const Parameters&... parameters) {
  return Rows(*this, run_with(request_of(sql, nullptr, true), parameters...));
}

class Session::Awaitable {
 public:
  Awaitable(Session& session, Executor executor)
      : session_(&session), executor_(std::move(executor)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    start_(this);
  }
  Result await_resume() { return *session_->finish(); }

 private:
  friend class Session;
  static void done(void* self) {
    auto* mine = static_cast<Awaitable*>(self);
    const Executor executor = mine->executor_;  // the coroutine may go on, and end this, at once
    executor(mine->waiting_);
  }
  void start(const heim_request& request) {
    detail::check([&](auto error) {
      return heim_session_start(session_->handle(), &request, done, this, error);
    });
  }
  Session* session_;
  Executor executor_;
  std::coroutine_handle<> waiting_;
  std::function<void(Awaitable*)> start_;
};

/// The parameters are lent until it is awaited.
template <class... Parameters>
Session::Awaitable Session::run_async(Executor executor, const std::string& sql,
                                      const Parameters&... parameters) {
  Awaitable awaitable(*this, std::move(executor));
  awaitable.start_ = [sql, parameters...](Awaitable* self) {
    with(
        self->session_->request_of(sql, nullptr, false),
        [self](const heim_request& request) { self->start(request); }, parameters...);
  };
  return awaitable;
}

inline Transaction::Transaction(Session& session, const std::string& modes) : session_(&session) {
  detail::check([&](auto error) {
    return heim_session_begin(session.handle(), detail::or_null(modes), error);
  });
}
inline Transaction::~Transaction() {
  // What it says is of no use here: a session that has ended has rolled back, too.
  if (session_ && heim_session_rollback(session_->handle(), nullptr) != HEIM_OK) session_ = nullptr;
}
inline void Transaction::commit() {
  try {
    detail::check([&](auto error) { return heim_session_commit(session_->handle(), error); });
  } catch (...) {
    // It may not have been asked for: then the transaction is there still, and is rolled back.
    const heim_transaction left = session_->transaction();
    if (left == HEIM_TRANSACTION_NONE || left == HEIM_TRANSACTION_ENDED) session_ = nullptr;
    throw;
  }
  session_ = nullptr;
}
inline void Transaction::rollback() {
  Session* session = std::exchange(session_, nullptr);
  detail::check([&](auto error) { return heim_session_rollback(session->handle(), error); });
}

}  // namespace heimproxy
