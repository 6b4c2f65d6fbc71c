#include "backend/messages.hpp"

#include <string_view>

#include "backend/link.hpp"
#include "wire/framer.hpp"

namespace heim::backend {
namespace {

bool ends_at_ready(std::uint8_t tag) { return tag == 'Q' || tag == 'S' || tag == 'F'; }

/// Of a login, which is over.
bool is_of_login(std::uint8_t tag) { return tag == 'R' || tag == 'K' || tag == 'v'; }

bool is_status(std::uint8_t status) { return status == 'I' || status == 'T' || status == 'E'; }

}  // namespace

MessageConnection::MessageConnection(Link& link, std::unique_ptr<MessageHandler> handler)
    : link_(link), handler_(std::move(handler)) {}

void MessageConnection::on_message(std::uint8_t tag, Bytes body) {
  Reply reply;
  {
    const std::lock_guard lock(mutex_);
    if (broken_) return;
    if (reply_.number == 0) reply_ = link_.next_reply();
    owed_ += ends_at_ready(tag);
    reply = reply_;
  }
  handler_->on_message(reply, tag, body);
}

// Counts what they settle.
bool MessageConnection::look_at(Bytes messages) {
  wire::Header header;
  while (!messages.empty()) {
    if (wire::peek(wire::Origin::server, messages, header) != wire::Peek::ok) return false;
    if (messages.size() < header.total() || is_of_login(header.tag)) return false;
    if (header.tag == 'Z') {
      if (header.body != 1 || !is_status(messages[wire::header_size])) return false;
      if (owed_ == 0) return false;
      const bool is_last = --owed_ == 0;
      if (is_last && messages.size() != header.total()) return false;
      if (is_last) reply_.number = 0;
    }
    messages = messages.subspan(header.total());
  }
  return true;
}

Said MessageConnection::send(std::uint64_t number, Bytes messages) {
  const std::lock_guard lock(mutex_);
  if (number == 0 || number != reply_.number) return Said::closed;
  if (!look_at(messages)) {
    link_.abort(number, "08P01", "the backend broke the protocol");
    reply_.number = 0;
    broken_ = true;
    return Said::malformed;
  }
  return link_.send(number, messages) ? Said::ok : Said::closed;
}

}  // namespace heim::backend
