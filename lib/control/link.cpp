#include "control/link.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace heim::control {
namespace {

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool space = c == '\n' || c == '\t' || c == '\r';
    if (!space) out += c;
    if (space && !out.empty() && out.back() != ' ') out += ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out.size() > 500 ? out.substr(0, 500) : out;
}

std::string_view field(const PGresult* result, int code) {
  const char* value = result ? PQresultErrorField(result, code) : nullptr;
  return value ? value : "";
}

bool is_good(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

// A failed login leaves no result and so no SQLSTATE, only its words.
std::string_view state_of_login(std::string_view message) {
  struct Known {
    std::string_view words, sqlstate;
  };
  static constexpr Known known[] = {
      {"too many clients already", "53300"},
      {"too many connections for", "53300"},
      {"remaining connection slots are reserved", "53300"},
      {"the database system is", "57P03"},
      {"authentication failed", "28P01"},
      {"no pg_hba.conf entry", "28000"},
      {"pg_hba.conf rejects", "28000"},
      {"no password supplied", "28000"},
      {"does not exist", "28000"},
      {"is not permitted to log in", "28000"},
      {"permission denied for database", "28000"},
  };
  for (const Known& each : known) {
    if (message.find(each.words) != std::string_view::npos) return each.sqlstate;
  }
  return {};
}

}  // namespace

cluster::Trouble trouble(std::string_view sqlstate, std::string_view text,
                         cluster::Failure otherwise) {
  cluster::Failure kind = otherwise;
  if (sqlstate == "53300") kind = cluster::Failure::full;
  if (sqlstate.starts_with("57P0")) kind = cluster::Failure::starting;
  if (sqlstate.starts_with("28") || sqlstate == "3D000" || sqlstate == "42501")
    kind = cluster::Failure::denied;
  return {kind, one_line(text)};
}

int Rows::count() const { return PQntuples(result_); }

int Rows::columns() const { return PQnfields(result_); }

std::string_view Rows::text(int row, int column) const {
  if (column >= PQnfields(result_)) return {};
  return {PQgetvalue(result_, row, column),
          static_cast<std::size_t>(PQgetlength(result_, row, column))};
}

bool Rows::is_null(int row, int column) const {
  return column >= PQnfields(result_) || PQgetisnull(result_, row, column) == 1;
}

Link::~Link() {
  poller_ = io::Poller();  // before libpq closes the descriptor
  PQclear(last_);
  if (conn_) PQfinish(conn_);
}

// ---- connecting ------------------------------------------------------------------------

void Link::connect(const Conninfo& info) {
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : info) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  state_ = State::connecting;
  conn_ = PQconnectStartParams(keys.data(), values.data(), 0);
  if (!conn_ || PQstatus(conn_) == CONNECTION_BAD)
    return lose(cluster::Failure::refused, conn_ ? PQerrorMessage(conn_) : "out of memory");
  poller_ = io::Poller(loop_, PQsocket(conn_), *this);
  poller_.watch(io::Poller::writable);
}

void Link::go_on_connecting() {
  // libpq may close the descriptor for another one within.
  poller_ = io::Poller();
  const PostgresPollingStatusType status = PQconnectPoll(conn_);
  if (status == PGRES_POLLING_FAILED) {
    const std::string text = PQerrorMessage(conn_);
    const cluster::Trouble why = trouble(state_of_login(text), text, cluster::Failure::refused);
    return lose(why.kind, why.text);
  }
  poller_ = io::Poller(loop_, PQsocket(conn_), *this);
  if (status == PGRES_POLLING_OK) return connected();
  poller_.watch(status == PGRES_POLLING_READING ? io::Poller::readable : io::Poller::writable);
}

void Link::connected() {
  PQsetnonblocking(conn_, 1);
  PQsetNoticeProcessor(
      conn_, [](void*, const char*) {}, nullptr);
  poller_.watch(io::Poller::readable);
  state_ = State::ready;
  owner_.on_link_ready();
}

// ---- asking ----------------------------------------------------------------------------

bool Link::knows(const Question& question) const {
  return std::find(prepared_.begin(), prepared_.end(), &question) != prepared_.end();
}

bool Link::send() {
  const Question& question = *asked_;
  preparing_ = false;
  if (question.name.empty()) return PQsendQuery(conn_, question.sql.c_str()) == 1;
  if (knows(question))
    return PQsendQueryPrepared(conn_, question.name.c_str(), 0, nullptr, nullptr, nullptr, 0) == 1;
  preparing_ = true;
  return PQsendPrepare(conn_, question.name.c_str(), question.sql.c_str(), 0, nullptr) == 1;
}

void Link::ask(const Question& question) {
  asked_ = &question;
  // What fails here shows at the next event: the owner is not called back from its own call.
  if (send()) flush();
}

void Link::flush() {
  const bool more = PQflush(conn_) == 1;
  poller_.watch(io::Poller::readable | (more ? io::Poller::writable : 0));
}

void Link::on_poll(unsigned events) {
  if (state_ == State::connecting) return go_on_connecting();
  if (events & io::Poller::writable) flush();
  if (events & io::Poller::readable) read();
}

void Link::read() {
  if (PQconsumeInput(conn_) == 0) return lose_by_server();
  if (state_ == State::streaming) return read_stream();
  while (PQisBusy(conn_) == 0) {
    PGresult* result = PQgetResult(conn_);
    if (!result) {
      if (asked_) on_end_of_results();
      return;
    }
    PQclear(std::exchange(last_, result));
    if (PQresultStatus(result) == PGRES_COPY_BOTH) {
      asked_ = nullptr;
      state_ = State::streaming;
      owner_.on_link_streams();
      return read_stream();
    }
    if (PQstatus(conn_) == CONNECTION_BAD) return lose_by_server();
  }
}

void Link::read_stream() {
  char* data = nullptr;
  int size = 0;
  while ((size = PQgetCopyData(conn_, &data, 1)) > 0) {
    const std::unique_ptr<char, void (*)(void*)> owner(data, PQfreemem);
    owner_.on_link_data(as_bytes({data, static_cast<std::size_t>(size)}));
  }
  if (size == 0) return;
  PQclear(std::exchange(last_, PQgetResult(conn_)));
  lose_by_server();
}

// What fails shows at the next event.
void Link::send_data(Bytes data) {
  const auto* bytes = reinterpret_cast<const char*>(data.data());
  if (PQputCopyData(conn_, bytes, static_cast<int>(data.size())) == 1) flush();
}

int Link::server_version() const { return PQserverVersion(conn_); }

void Link::on_end_of_results() {
  PGresult* result = std::exchange(last_, nullptr);
  const std::unique_ptr<PGresult, void (*)(PGresult*)> owner(result, PQclear);
  if (!is_good(result)) {
    const cluster::Trouble why =
        trouble(field(result, PG_DIAG_SQLSTATE),
                result ? PQresultErrorMessage(result) : "no answer", cluster::Failure::unhealthy);
    return lose(why.kind, why.text);
  }
  if (preparing_) {
    prepared_.push_back(asked_);
    if (send()) flush();
    return;
  }
  asked_ = nullptr;
  owner_.on_link_rows(Rows(result));
}

// ---- the end ---------------------------------------------------------------------------

void Link::lose_by_server() {
  const std::string text =
      last_ && !is_good(last_) ? PQresultErrorMessage(last_) : PQerrorMessage(conn_);
  const cluster::Trouble why =
      trouble(field(last_, PG_DIAG_SQLSTATE),
              text.empty() ? "the server closed the connection" : text, cluster::Failure::lost);
  lose(why.kind, why.text);
}

void Link::lose(cluster::Failure kind, std::string text) {
  poller_ = io::Poller();
  state_ = State::none;
  asked_ = nullptr;
  owner_.on_link_lost({kind, one_line(text)});
}

}  // namespace heim::control
