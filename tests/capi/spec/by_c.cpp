// The conformance script's verbs by heimproxy.h.
#include <array>

#include "binding.hpp"
#include "heimproxy/heimproxy.h"

namespace spec {
namespace {

/// Calls with a heim_error; what fails is thrown, with the session's further fields.
template <class Call>
void must(Call&& call, heim_session* session = nullptr) {
  heim_error error;
  const heim_status status = call(&error);
  if (status == HEIM_OK) return;
  Failure failure{error.sqlstate, error.message, status == HEIM_CLOSED};
  for (const char letter : session ? field_letters : "") {
    const char* text = heim_session_error_field(session, letter);
    if (text) failure.fields[letter] = text;
  }
  throw failure;
}

std::string bytes(const heim_result* result, std::size_t row, std::size_t column) {
  std::size_t length = 0;
  const void* data = heim_result_value(result, row, column, &length);
  return data ? std::string(static_cast<const char*>(data), length) : std::string();
}

template <class Value, class Getter>
Json number(Getter get, const heim_result* result, std::size_t row, std::size_t column) {
  Value value{};
  must([&](heim_error* error) { return get(result, row, column, &value, error); });
  return value;
}

Json cell(const heim_result* result, std::size_t row, std::size_t column, std::uint32_t type) {
  if (heim_result_is_null(result, row, column)) return nullptr;
  switch (type) {
    case 16:
      return number<int>(heim_result_bool, result, row, column) == 1;
    case 20:
    case 21:
    case 23:
      return number<std::int64_t>(heim_result_int64, result, row, column);
    case 700:
    case 701:
      return number<double>(heim_result_double, result, row, column);
    default:
      return bytes(result, row, column);
  }
}

/// Adds a result, or the next portion of it.
void take(Answer& answer, const heim_result* result) {
  answer.columns.emplace();
  answer.types.clear();
  for (std::size_t i = 0; i < heim_result_columns(result); ++i) {
    heim_column column{};
    column.struct_size = sizeof column;
    must([&](heim_error* error) { return heim_result_column(result, i, &column, error); });
    answer.columns->emplace_back(column.name);
    answer.types.push_back(column.type);
  }
  for (std::size_t row = 0; row < heim_result_rows(result); ++row) {
    Json cells = Json::array();
    for (std::size_t i = 0; i < answer.types.size(); ++i)
      cells.push_back(cell(result, row, i, answer.types[i]));
    answer.rows.push_back(std::move(cells));
  }
  answer.tag = heim_result_tag(result);
  answer.affected = heim_result_affected(result);
}

/// Parameters in text, with what they lend from.
struct Values {
  explicit Values(const Json& args) {
    for (const Json& arg : args)
      texts.push_back(arg.is_string() ? arg.get<std::string>() : arg.dump());
    for (std::size_t i = 0; i < texts.size(); ++i)
      values.push_back(
          {args[i].is_null() ? nullptr : texts[i].data(), texts[i].size(), 0, HEIM_FORMAT_TEXT});
  }
  std::vector<std::string> texts;
  std::vector<heim_value> values;
};

class CSession : public Session {
 public:
  explicit CSession(heim_session* handle) : handle_(handle) {}
  ~CSession() override { heim_session_close(handle_); }

  Answers query(const std::string& sql) override {
    ask([&](auto out, auto error) { return heim_session_query(handle_, sql.c_str(), out, error); });
    return rest(false);
  }
  Answers run(const Request& asked) override {
    const Values values(asked.args);
    heim_request request = HEIM_REQUEST_INIT;
    (asked.statement.empty() ? request.sql : request.statement) =
        asked.statement.empty() ? asked.sql.c_str() : asked.statement.c_str();
    request.values = values.values.data();
    request.value_count = values.values.size();
    request.result_format = asked.binary ? HEIM_FORMAT_BINARY : HEIM_FORMAT_TEXT;
    request.streamed = asked.streamed;
    ask([&](auto out, auto error) { return heim_session_run(handle_, &request, out, error); });
    return rest(asked.streamed);
  }
  Bytes there_and_back(const std::string& type, const Bytes& given) override {
    const std::string sql = "SELECT $1::" + type;
    const heim_format format = given.binary ? HEIM_FORMAT_BINARY : HEIM_FORMAT_TEXT;
    const heim_value value{given.data.data(), given.data.size(), 0, format};
    heim_request request = HEIM_REQUEST_INIT;
    request.sql = sql.c_str();
    request.values = &value;
    request.value_count = 1;
    request.result_format = format;
    ask([&](auto out, auto error) { return heim_session_run(handle_, &request, out, error); });
    return {bytes(result_, 0, 0), given.binary};
  }
  void prepare(const std::string& name, const std::string& sql) override {
    ask([&](auto out, auto error) {
      return heim_session_prepare(handle_, name.c_str(), sql.c_str(), nullptr, 0, out, error);
    });
  }
  void deallocate(const std::string& name) override {
    call([&](auto error) { return heim_session_deallocate(handle_, name.c_str(), error); });
  }
  void begin(const std::string& modes) override {
    call([&](auto error) {
      return heim_session_begin(handle_, modes.empty() ? nullptr : modes.c_str(), error);
    });
  }
  void commit() override {
    call([&](auto error) { return heim_session_commit(handle_, error); });
  }
  void rollback() override {
    call([&](auto error) { return heim_session_rollback(handle_, error); });
  }
  Answers copy_in(const std::string& sql, const Json& data, const Json& fail) override {
    ask([&](auto out, auto error) { return heim_session_query(handle_, sql.c_str(), out, error); });
    for (const std::string piece : data) {
      call([&](auto error) {
        return heim_session_copy_write(handle_, piece.data(), piece.size(), error);
      });
    }
    const std::string reason = fail.is_null() ? "" : fail.get<std::string>();
    ask([&](auto out, auto error) {
      return heim_session_copy_end(handle_, fail.is_null() ? nullptr : reason.c_str(), out, error);
    });
    return rest(false);
  }
  std::string copy_out(const std::string& sql) override {
    std::string all;
    ask([&](auto out, auto error) { return heim_session_query(handle_, sql.c_str(), out, error); });
    while (true) {
      const void* data = nullptr;
      std::size_t length = 0;
      call([&](auto error) { return heim_session_copy_read(handle_, &data, &length, error); });
      if (!data) return all;
      all.append(static_cast<const char*>(data), length);
    }
  }
  void start(const std::string& sql) override {
    heim_request request = HEIM_REQUEST_INIT;
    request.sql = sql.c_str();
    call(
        [&](auto error) { return heim_session_start(handle_, &request, nullptr, nullptr, error); });
  }
  Answers finish() override {
    ask([&](auto out, auto error) {
      return heim_session_finish(handle_, HEIM_FOREVER, out, error);
    });
    return rest(false);
  }
  void cancel() override {
    call([&](auto error) { return heim_session_cancel(handle_, error); });
  }
  Json notification(unsigned seconds) override {
    heim_notification told{};
    told.struct_size = sizeof told;
    heim_status status = HEIM_OK;
    call([&](auto error) {
      status = heim_session_notification(handle_, seconds * UINT64_C(1000000000), &told, error);
      return status == HEIM_TIMED_OUT ? HEIM_OK : status;
    });
    if (status == HEIM_TIMED_OUT) return nullptr;
    return {{"channel", told.channel}, {"payload", told.payload}};
  }
  std::string transaction() override {
    static constexpr std::array names{"none", "open", "failed", "busy", "ended"};
    return names.at(static_cast<std::size_t>(heim_session_transaction(handle_)));
  }
  Json parameter(const std::string& name) override {
    const char* value = heim_session_parameter(handle_, name.c_str());
    return value ? Json(value) : Json(nullptr);
  }
  std::string route(const std::string& sql) override {
    const char* text = "";
    call([&](auto error) { return heim_route_explain(handle_, sql.c_str(), &text, error); });
    return text;
  }

 private:
  template <class Call>
  void call(Call&& what) {
    must([&](heim_error* error) { return what(error); }, handle_);
  }
  template <class Call>
  void ask(Call&& what) {
    call([&](heim_error* error) { return what(&result_, error); });
  }
  /// The result that is there and those behind it: of a streamed statement, portions of one.
  Answers rest(bool streamed) {
    Answers answers;
    while (result_) {
      if (answers.empty() || !streamed) answers.emplace_back();
      take(answers.back(), result_);
      ask([&](auto out, auto error) { return heim_session_next(handle_, out, error); });
    }
    return answers;
  }
  heim_session* handle_;
  const heim_result* result_ = nullptr;
};

class CProxy : public Proxy {
 public:
  explicit CProxy(const std::string& text) {
    heim_config* config = nullptr;
    must([&](heim_error* error) { return heim_config_new(&config, error); });
    const std::unique_ptr<heim_config, decltype(&heim_config_free)> held(config, heim_config_free);
    must([&](heim_error* error) {
      return heim_config_load_text(config, text.data(), text.size(), HEIM_CONFIG_JSON, error);
    });
    must([&](heim_error* error) { return heim_proxy_open(config, nullptr, &handle_, error); });
    must([&](heim_error* error) { return heim_proxy_start(handle_, error); });
  }
  ~CProxy() override { heim_proxy_close(handle_); }
  std::unique_ptr<Session> open(const Login& login) override {
    std::vector<const char*> settings;
    for (const auto& [name, value] : login.settings) {
      settings.push_back(name.c_str());
      settings.push_back(value.c_str());
    }
    settings.push_back(nullptr);
    heim_session_options options = HEIM_SESSION_OPTIONS_INIT;
    options.user = login.user.c_str();
    options.database = login.database.c_str();
    options.password = login.password.empty() ? nullptr : login.password.c_str();
    options.application_name =
        login.application_name.empty() ? nullptr : login.application_name.c_str();
    options.settings = settings.data();
    heim_session* session = nullptr;
    must([&](heim_error* error) { return heim_session_open(handle_, &options, &session, error); });
    return std::make_unique<CSession>(session);
  }
  std::string show(const std::string& what) override {
    const char* text = "";
    must([&](heim_error* error) { return heim_proxy_show(handle_, what.c_str(), &text, error); });
    return text;
  }
  void invalidate(const std::string& database, const std::string& table) override {
    const char* where = database.empty() ? nullptr : database.c_str();
    const char* which = table.empty() ? nullptr : table.c_str();
    must([&](heim_error* error) { return heim_proxy_invalidate(handle_, where, which, error); });
  }
  void invalidate_like(const std::string& database, const std::string& pattern) override {
    const char* where = database.empty() ? nullptr : database.c_str();
    must([&](heim_error* error) {
      return heim_proxy_invalidate_like(handle_, where, pattern.c_str(), error);
    });
  }
  void invalidate_query(const std::string& sql) override {
    must([&](heim_error* error) {
      return heim_proxy_invalidate_query(handle_, sql.c_str(), error);
    });
  }

 private:
  heim_proxy* handle_ = nullptr;
};

}  // namespace

std::unique_ptr<Proxy> open_by_c(const std::string& config) {
  return std::make_unique<CProxy>(config);
}

}  // namespace spec
