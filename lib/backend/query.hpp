// Backends at query level: a handler gets statements and writes rows; the protocol is spoken here.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/answer.hpp"
#include "backend/backend.hpp"
#include "backend/session_text.hpp"
#include "backend/values.hpp"
#include "wire/framer.hpp"

namespace heim::backend {

struct Statement {
  std::string_view sql;  // a zero follows it
  std::span<const Value> values;
  bool simple = false;  // there may be several statements in it
};

/// What a program implements. Called as a Connection is. What it is asked it answers by the
/// connection's Answer, before it returns or later; nothing else is asked meanwhile.
class QueryHandler {
 public:
  virtual ~QueryHandler() = default;
  virtual void execute(Reply reply, const Statement& statement) = 0;
  virtual bool describes() const = 0;
  virtual void describe(Reply reply, const Statement& statement) = 0;
  /// The session is to be as it was when it began: another client is next. An error ends it.
  virtual Result<void> reset() = 0;
  virtual void cancel() = 0;
  virtual void close() = 0;
};

class QueryConnection final : public Connection {
 public:
  QueryConnection(Link& link, std::unique_ptr<QueryHandler> handler);

  void on_message(std::uint8_t tag, Bytes body) override;
  void cancel() override { handler_->cancel(); }
  void close() override { handler_->close(); }
  /// [any thread]
  Answer& answer() { return answer_; }

 private:
  struct Prepared {
    std::string sql;
    std::vector<std::uint32_t> types;
    std::optional<std::vector<Column>> told = {};  // of its columns
  };
  struct Portal {
    Prepared statement;
    std::vector<std::string> texts;  // of the values
    std::vector<Value> values;
    Formats formats;
    bool done = false;  // it ran
    std::string rest, tag;
    std::vector<std::uint32_t> sizes;
    std::size_t next = 0, at = 0;  // of `sizes`, of `rest`
  };

  // query.cpp
  void on_query(Bytes body);
  void run_simple(std::string_view sql);
  void finish(char status);
  void error(std::string_view sqlstate, std::string_view message);
  Answer::Outcome ask(Answer::Wish wish, const Statement& statement);
  // query_extended.cpp
  void on_extended(std::uint8_t tag, Bytes body);
  void parse(Bytes body);
  void bind(Bytes body);
  bool bind_value(std::string_view bytes, Value value, Portal& portal);
  bool bind_values(wire::Fields& fields, Portal& portal);
  void describe(Bytes body);
  void describe_statement(Prepared& statement, Portal* portal);
  Answer::Outcome describe_text(const Prepared& statement, std::span<const Value> values);
  void put_parameters(const Prepared& statement, std::span<const std::uint32_t> said);
  void execute(Bytes body);
  void run(Portal& portal, std::uint32_t rows_max);
  void fetch(Portal& portal, std::uint32_t rows_max);
  void close_one(Bytes body);
  // query_session.cpp
  std::optional<std::vector<SessionAct>> own(std::string_view sql) const;
  void act(std::span<const SessionAct> acts, bool simple, const Formats& formats);
  bool act(const SessionAct& act, std::string& value);
  bool set(const SessionAct& act, std::string& value);
  void report(std::string_view name);
  void discard_all();

  void flush();

  Link& link_;
  const std::unique_ptr<QueryHandler> handler_;
  Answer answer_;
  Parameters parameters_;
  std::map<std::string, Prepared, std::less<>> statements_;
  std::map<std::string, Portal, std::less<>> portals_;
  std::string out_;
  char status_ = 'I';
  bool skips_ = false;   // after an error, up to Sync
  bool failed_ = false;  // what is answered now
  bool gone_ = false;    // the engine: nothing is to be run for nobody
};

}  // namespace heim::backend
