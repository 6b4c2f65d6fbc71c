// What the conformance script (bindings/spec) asks of a binding. heimproxy.h and heimproxy.hpp have
// one implementation each; the replayer knows only this.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spec {

using Json = nlohmann::json;

/// What failed, as the binding tells it.
struct Failure {
  std::string sqlstate, message;
  bool ended = false;
  std::map<char, std::string> fields = {};
};
/// The letters of the fields that expectations may name.
inline constexpr std::string_view field_letters = "DHPstcn";

/// One result. A cell is null, a boolean, a number or a text.
struct Answer {
  std::optional<std::vector<std::string>> columns;  // nothing: the binding does not tell them
  std::vector<std::uint32_t> types;
  Json rows = Json::array();
  std::optional<std::string> tag;
  std::uint64_t affected = 0;
};
using Answers = std::vector<Answer>;

struct Login {
  std::string user, database, password, application_name;
  std::vector<std::pair<std::string, std::string>> settings;
};

struct Request {
  std::string sql;        // or:
  std::string statement;  // the name of one that was prepared
  Json args = Json::array();
  bool streamed = false, binary = false;
};

/// A value in one of its two forms.
struct Bytes {
  std::string data;
  bool binary = false;
};

class Session {
 public:
  virtual ~Session() = default;
  virtual Answers query(const std::string& sql) = 0;
  virtual Answers run(const Request& request) = 0;
  virtual Bytes there_and_back(const std::string& type, const Bytes& value) = 0;
  virtual void prepare(const std::string& name, const std::string& sql) = 0;
  virtual void deallocate(const std::string& name) = 0;
  virtual void begin(const std::string& modes) = 0;
  virtual void commit() = 0;
  virtual void rollback() = 0;
  /// `fail`: why the data is of no use, or null.
  virtual Answers copy_in(const std::string& sql, const Json& data, const Json& fail) = 0;
  virtual std::string copy_out(const std::string& sql) = 0;
  virtual void start(const std::string& sql) = 0;
  virtual Answers finish() = 0;
  virtual void cancel() = 0;
  /// {"channel", "payload"}, or null: none within so many seconds.
  virtual Json notification(unsigned seconds) = 0;
  virtual std::string transaction() = 0;
  virtual Json parameter(const std::string& name) = 0;
  virtual std::string route(const std::string& sql) = 0;
};

class Proxy {
 public:
  virtual ~Proxy() = default;
  virtual std::unique_ptr<Session> open(const Login& login) = 0;
  virtual std::string show(const std::string& what) = 0;
  /// Of a table, empty: all.
  virtual void invalidate(const std::string& database, const std::string& table) = 0;
  virtual void invalidate_like(const std::string& database, const std::string& pattern) = 0;
  virtual void invalidate_query(const std::string& sql) = 0;
};

/// Opened from a configuration in JSON, and started.
std::unique_ptr<Proxy> open_by_c(const std::string& config);
std::unique_ptr<Proxy> open_by_cpp(const std::string& config);

}  // namespace spec
