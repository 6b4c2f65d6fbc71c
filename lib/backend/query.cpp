#include "backend/query.hpp"

#include "backend/link.hpp"
#include "wire/encoder.hpp"

namespace heim::backend {

QueryConnection::QueryConnection(Link& link, std::unique_ptr<QueryHandler> handler)
    : link_(link), handler_(std::move(handler)), answer_(link) {}

void QueryConnection::on_message(std::uint8_t tag, Bytes body) {
  if (gone_ || (skips_ && tag != 'S')) return;
  failed_ = false;
  switch (tag) {
    case 'Q':
      return on_query(body);
    case 'F':
      error("0A000", "a backend has no functions to call by number");
      return finish(status_);
    case 'S':
      skips_ = false;
      return finish(status_);
    case 'H':
      return flush();
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C':
      on_extended(tag, body);
      skips_ = failed_;
      return;
    default:
      return;  // of a COPY that there is not
  }
}

// On the way from here to the engine, and before an answer goes there by itself.
void QueryConnection::flush() {
  if (!out_.empty()) link_.send(as_bytes(out_));
  out_.clear();
}

void QueryConnection::finish(char status) {
  status_ = status;
  if (status == 'I') portals_.clear();  // they end with their transaction
  wire::ready(out_, status);
  flush();
}

void QueryConnection::error(std::string_view sqlstate, std::string_view message) {
  wire::error(out_, {"ERROR", sqlstate, message});
  failed_ = true;
}

// Waits for the answer, which goes its own way.
Answer::Outcome QueryConnection::ask(Answer::Wish wish, const Statement& statement) {
  flush();
  const bool describes = wish.kind == Answer::Kind::description;
  const Reply reply = link_.next_reply();
  answer_.begin(reply, std::move(wish));
  if (describes) {
    handler_->describe(reply, statement);
  } else {
    handler_->execute(reply, statement);
  }
  while (!answer_.is_over() && !gone_) gone_ = !link_.sleep();
  Answer::Outcome outcome = answer_.end();
  failed_ |= outcome.failed;
  return outcome;
}

// ---- simple queries ---------------------------------------------------------------------

void QueryConnection::on_query(Bytes body) {
  wire::Fields fields(body);
  const std::string_view sql = fields.string();
  if (!fields.done()) {
    error("08P01", "a malformed Query message");
    return finish(status_);
  }
  statements_.erase("");
  portals_.erase("");
  run_simple(sql);
  finish(status_);
}

void QueryConnection::run_simple(std::string_view sql) {
  if (is_empty_text(sql)) return wire::message(out_, 'I', {});
  if (const auto acts = own(sql)) return act(*acts, true, {});
  status_ = ask({}, {sql, {}, true}).status;
}

}  // namespace heim::backend
