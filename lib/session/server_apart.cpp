// Statements of ours by the extended protocol: they leave the client's unnamed statement and portal
// where they are. In the midst of a batch, or apart, before one begins.
#include "session/hub.hpp"
#include "session/server.hpp"

namespace heim::session {

constexpr std::string_view ours = "heim_mend";  // a statement and a portal

void Server::run_hidden(std::string_view sql, Out& out) {
  std::string messages;
  wire::Writer(messages, 'C').u8('P').string(ours);  // one that failed is still there
  wire::Writer(messages, 'C').u8('S').string(ours);
  wire::Writer(messages, 'P').string(ours).string(sql).u16(0);
  wire::Writer(messages, 'B').string(ours).string(ours).u16(0).u16(0).u16(0);
  wire::Writer(messages, 'E').string(ours).u32(0);
  wire::Writer(messages, 'C').u8('P').string(ours);
  wire::Writer(messages, 'C').u8('S').string(ours);
  for (const Reply reply :
       {Reply::close_hidden, Reply::close_hidden, Reply::parse_hidden, Reply::bind_hidden,
        Reply::execute_hidden, Reply::close_hidden, Reply::close_hidden}) {
    expect(reply);
  }
  out.copy(messages);
}

void Server::run_apart(std::string_view sql, Out& out) {
  run_hidden(sql, out);
  sync_hidden(out);
}

void Server::back_to_savepoint(Out& out) {
  run_apart("ROLLBACK TO heim_names", out);
  run_apart("RELEASE heim_names", out);
}

// Nobody is shown it here.
bool Server::fails_apart(Bytes frame) {
  if (apart_error.empty()) apart_error = as_text(frame);
  return drop_batch(), false;
}

// The batch that it was done for may begin now, on this server or another.
void Server::begins_behind() {
  const std::uint64_t before = links_;
  const Hub& home = *hub;
  holder_->on_batch_end();
  if (!home.has_left(*this) && holder_ && links_ == before) holder_->on_synced(*this);
}

bool Server::ends_apart(Out& out) {
  apart = false;
  if (apart_error.empty()) return false;
  // As where a cancel request came late: the transaction fails. Not that of the savepoint alone,
  // which the client knows nothing of.
  if (!undone_) {
    back_to_savepoint(out);
    return apart = undone_ = true;
  }
  undone_ = false;
  fail_batch(std::exchange(apart_error, {}), out);
  return false;
}

void Server::fail_batch(std::string error, Out& out) {
  poisons.push_back(std::move(error));
  expect(Reply::poison);
  batch_open = true;    // until a Sync: the error alone ends nothing
  std::string message;  // fails on any server: no statement has this name
  wire::Writer(message, 'B').string({}).string("heim_none").u16(0).u16(0).u16(0);
  out.copy(message);
}

}  // namespace heim::session
