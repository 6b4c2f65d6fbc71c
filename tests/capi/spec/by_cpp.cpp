// The conformance script's verbs by heimproxy.hpp.
#include <array>
#include <future>

#include "binding.hpp"
#include "heimproxy/heimproxy.hpp"

namespace spec {
namespace {

/// A cell by the getters of C++.
Json cell(heimproxy::Value value, std::uint32_t type) {
  if (value.is_null()) return nullptr;
  switch (type) {
    case 16:
      return value.as<bool>();
    case 20:
    case 21:
    case 23:
      return value.as<std::int64_t>();
    case 700:
    case 701:
      return value.as<double>();
    default:
      return value.as<std::string>();
  }
}

void add_column(Answer& answer, const heim_column& column) {
  answer.columns->emplace_back(column.name);
  answer.types.push_back(column.type);
}

/// Adds a row; the first one tells the columns too.
void take(Answer& answer, heimproxy::Row row) {
  if (!answer.columns) {
    answer.columns.emplace();
    for (std::size_t i = 0; i < row.size(); ++i) add_column(answer, row.column(i));
  }
  Json cells = Json::array();
  for (std::size_t i = 0; i < row.size(); ++i) cells.push_back(cell(row[i], answer.types[i]));
  answer.rows.push_back(std::move(cells));
}

Answer answer_of(const heimproxy::Result& result) {
  Answer answer;
  answer.columns.emplace();
  for (std::size_t i = 0; i < result.columns(); ++i) add_column(answer, result.column(i));
  answer.tag = result.tag();
  answer.affected = result.affected();
  for (const heimproxy::Row row : result) take(answer, row);
  return answer;
}

/// An argument as a program has it: optional, since any of them may be NULL.
using Argument = std::optional<std::string>;
Argument argument(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return json.is_string() ? json.get<std::string>() : json.dump();
}

/// Calls `use` with the arguments as a pack of their number.
template <std::size_t count = 0, class Use>
auto with_arguments(const Json& args, Use&& use) {
  if constexpr (count > 6) {
    throw std::logic_error("more arguments than this replayer spreads");
    return use();
  } else {
    if (args.size() != count) return with_arguments<count + 1>(args, std::forward<Use>(use));
    return [&]<std::size_t... i>(std::index_sequence<i...>) { return use(argument(args[i])...); }
    (std::make_index_sequence<count>());
  }
}

class CppSession : public Session {
 public:
  explicit CppSession(heimproxy::Session session) : session_(std::move(session)) {}

  Answers query(const std::string& sql) override {
    return attempt([&] { return rest(session_.query(sql)); });
  }
  Answers run(const Request& asked) override {
    if (asked.streamed) return attempt([&] { return stream(asked); });
    return attempt([&] {
      return with_arguments(asked.args, [&](const auto&... args) {
        return Answers{answer_of(asked.statement.empty()
                                     ? session_.run(asked.sql, args...)
                                     : session_.run_prepared(asked.statement, args...))};
      });
    });
  }
  /// Parameters may be binary; answers are text.
  Bytes there_and_back(const std::string& type, const Bytes& value) override {
    const std::string sql = "SELECT $1::" + type;
    return attempt([&]() -> Bytes {
      const heimproxy::Result result = value.binary
                                           ? session_.run(sql, std::as_bytes(std::span(value.data)))
                                           : session_.run(sql, value.data);
      return {result[0][0].as<std::string>()};
    });
  }
  void prepare(const std::string& name, const std::string& sql) override {
    attempt([&] { session_.prepare(name, sql); });
  }
  void deallocate(const std::string& name) override {
    attempt([&] { session_.deallocate(name); });
  }
  void begin(const std::string& modes) override {
    attempt([&] { transaction_.emplace(session_.begin(modes)); });
  }
  void commit() override {
    attempt([&] { std::exchange(transaction_, std::nullopt)->commit(); });
  }
  void rollback() override {
    attempt([&] { std::exchange(transaction_, std::nullopt)->rollback(); });
  }
  Answers copy_in(const std::string& sql, const Json& data, const Json& fail) override {
    return attempt([&] {
      session_.query(sql);
      for (const std::string piece : data) session_.copy_write(piece);
      return Answers{answer_of(session_.copy_end(argument(fail)))};
    });
  }
  std::string copy_out(const std::string& sql) override {
    return attempt([&] {
      std::string all;
      session_.query(sql);
      while (const auto piece = session_.copy_read()) all += *piece;
      return all;
    });
  }
  void start(const std::string& sql) override {
    started_ = std::async(std::launch::async, [this, sql] { return query(sql); });
  }
  Answers finish() override { return started_.get(); }
  void cancel() override {
    attempt([&] { session_.cancel(); });
  }
  Json notification(unsigned seconds) override {
    const auto told = attempt([&] { return session_.notification(std::chrono::seconds(seconds)); });
    return told ? Json{{"channel", told->channel}, {"payload", told->payload}} : Json(nullptr);
  }
  std::string transaction() override {
    static constexpr std::array names{"none", "open", "failed", "busy", "ended"};
    return names.at(static_cast<std::size_t>(session_.transaction()));
  }
  Json parameter(const std::string& name) override {
    const std::optional<std::string> value = session_.parameter(name);
    return value ? Json(*value) : Json(nullptr);
  }
  std::string route(const std::string& sql) override {
    return attempt([&] { return session_.explain_route(sql); });
  }

 private:
  template <class Call>
  auto attempt(Call&& call) -> decltype(call()) {
    try {
      return call();
    } catch (const heimproxy::Error& error) {
      Failure failure{error.sqlstate(), error.what(), error.status() == HEIM_CLOSED};
      for (const char letter : field_letters) {
        const std::string text = session_.error_field(letter);
        if (!text.empty()) failure.fields[letter] = text;
      }
      throw failure;
    }
  }
  Answers rest(const heimproxy::Result& first) {
    Answers answers{answer_of(first)};
    while (const auto more = session_.next()) answers.push_back(answer_of(*more));
    return answers;
  }
  Answers stream(const Request& asked) {
    return with_arguments(asked.args, [&](const auto&... args) {
      Answer answer;
      for (const heimproxy::Row row : session_.stream(asked.sql, args...)) take(answer, row);
      return Answers{answer};
    });
  }
  heimproxy::Session session_;
  std::optional<heimproxy::Transaction> transaction_;
  std::future<Answers> started_;
};

/// What fails in a call of the proxy.
template <class Call>
auto told(Call call) {
  try {
    return call();
  } catch (const heimproxy::Error& error) {
    throw Failure{error.sqlstate(), error.what(), error.status() == HEIM_CLOSED};
  }
}

class CppProxy : public Proxy {
 public:
  explicit CppProxy(const std::string& config) : proxy_(heimproxy::Config::text(config)) {
    proxy_.start();
  }
  std::unique_ptr<Session> open(const Login& login) override {
    return told([&]() -> std::unique_ptr<Session> {
      return std::make_unique<CppSession>(proxy_.open({.user = login.user,
                                                       .database = login.database,
                                                       .password = login.password,
                                                       .application_name = login.application_name,
                                                       .settings = login.settings}));
    });
  }
  std::string show(const std::string& what) override { return proxy_.show(what); }
  void invalidate(const std::string& database, const std::string& table) override {
    told([&] { return proxy_.invalidate(database, table); });
  }
  void invalidate_like(const std::string& database, const std::string& pattern) override {
    told([&] { return proxy_.invalidate_like(pattern, database); });
  }
  void invalidate_query(const std::string& sql) override {
    told([&] { return proxy_.invalidate_query(sql); });
  }

 private:
  heimproxy::Proxy proxy_;
};

}  // namespace

std::unique_ptr<Proxy> open_by_cpp(const std::string& config) {
  return std::make_unique<CppProxy>(config);
}

}  // namespace spec
