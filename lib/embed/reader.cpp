#include "embed/reader.hpp"

namespace heim::embed {
namespace {

/// Who listens and never looks must not fill the memory.
constexpr std::size_t notifications_max = 10000;

std::string_view without_zero(Bytes body) {
  std::string_view text = as_text(body);
  if (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  return text;
}

}  // namespace

void Reader::forget() {
  discards_ = overflowed_ = stopped_ = error_told_ = copy_failed_ = false;
  count_ = bytes_ = 0;
  error_.clear();
}

void Reader::drop_rows() {
  for (std::size_t i = 0; i < count_; ++i) results_[i].drop_rows();
  bytes_ = 0;
  stopped_ = false;
}

bool Reader::read(const Inbox& inbox) {
  while (at_ < inbox.size() && !stopped_) {
    wire::Header header;
    const Bytes rest = inbox.from(at_);
    const wire::Peek peek = wire::peek(wire::Origin::server, rest, header);
    if (peek == wire::Peek::more) return true;
    if (peek != wire::Peek::ok) return false;
    if (rest.size() < header.total()) return true;
    const std::size_t body_at = at_ + wire::header_size;
    at_ += header.total();
    if (!message(header, body_at, rest.subspan(wire::header_size, header.body))) return false;
  }
  return true;
}

// What may come at any time, and what may not.
bool Reader::message(const wire::Header& header, std::size_t body_at, Bytes body) {
  switch (header.tag) {
    case 'S':
      return parameter(body);
    case 'A':
      return notification(body);
    case 'N':
      if (on_notice_) on_notice_(body);
      return true;
    case 'E':
      error(body);
      if (phase_ == Phase::copy_in || phase_ == Phase::copy_out) phase_ = Phase::busy;
      return true;
    case 'Z':
      phase_ = Phase::idle;
      status_ = body.empty() ? 'I' : static_cast<char>(body[0]);
      return true;
    default:
      return answer(header.tag, body_at, body);
  }
}

// The first of an exchange counts; after it, why the session ends.
void Reader::error(Bytes body) {
  copy_failed_ |= phase_ == Phase::copy_in;
  if (!error_.empty() && phase_ != Phase::idle) return;
  error_ = as_text(body);
  error_told_ = false;
}

bool Reader::answer(std::uint8_t tag, std::size_t body_at, Bytes body) {
  switch (tag) {
    case 'D':
      if (count_ == 0) return false;
      row(body_at, body.size());
      return true;
    case 'd':
      if (phase_ == Phase::copy_out) row(body_at, body.size());
      return true;
    case 'T':
      return open().describe(body);
    case 't':
      return open().describe_parameters(body);
    case 'C':
      complete(body);
      return true;
    case 'I':
      open().kind = Result::Kind::empty;
      complete({});
      return true;
    case 'G':
      return copies(Result::Kind::copy_in, Phase::copy_in);
    case 'H':
      return copies(Result::Kind::copy_out, Phase::copy_out);
    case 'c':
      phase_ = Phase::busy;
      return true;
    default:
      return tag != 'W' && tag != 'V';  // nothing of ours asks for these
  }
}

// The result that is not complete yet, or a new one.
Result& Reader::open() {
  if (count_ > 0 && !results_[count_ - 1].complete) return results_[count_ - 1];
  if (count_ == results_.size()) results_.emplace_back();
  results_[count_].reset(held_);
  return results_[count_++];
}

void Reader::row(std::size_t at, std::size_t length) {
  if (discards_) return;
  bytes_ += length;
  if (bytes_ > limit_) {
    discards_ = overflowed_ = true;
    return drop_rows();
  }
  results_[count_ - 1].add_row(at, length);
}

void Reader::complete(Bytes body) {
  Result& result = open();
  result.tag = without_zero(body);
  result.complete = true;
  stopped_ = result.kind == Result::Kind::copy_out && !discards_;
}

bool Reader::copies(Result::Kind kind, Phase phase) {
  open().kind = kind;
  phase_ = phase;
  return true;
}

bool Reader::parameter(Bytes body) {
  wire::Fields fields(body);
  const std::string_view name = fields.string();
  const std::string_view value = fields.string();
  if (fields.ok()) parameters.insert_or_assign(std::string(name), std::string(value));
  return fields.done();
}

bool Reader::notification(Bytes body) {
  wire::Fields fields(body);
  Notification one;
  one.pid = fields.u32();
  one.channel = fields.string();
  one.payload = fields.string();
  if (!fields.done()) return false;
  if (notifications.size() < notifications_max) {
    notifications.push_back(std::move(one));
  } else {
    ++lost_notifications;
  }
  return true;
}

}  // namespace heim::embed
