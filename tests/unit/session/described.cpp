#include "described.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "wire/framer.hpp"

namespace heim::session::test {
namespace {

// A startup packet has none.
bool is_tag(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

// Bytes of the message that `text` begins with; all of it where that is none.
std::size_t size_of(std::string_view text) {
  if (text.size() < wire::header_size || !is_tag(text[0])) return text.size();
  return 1 + load_be32(reinterpret_cast<const std::uint8_t*>(text.data()) + 1);
}

std::string_view first_string(std::string_view body) { return body.substr(0, body.find('\0')); }

}  // namespace

void Described::take(std::string_view message) {
  hides_ = false;
  if (message.size() < wire::header_size) return;
  const std::string_view body = message.substr(wire::header_size);
  const std::string before = std::exchange(last_parse_, {});
  switch (message[0]) {
    case 'P':
      due_.push_back(Due::parse);
      last_parse_ = first_string(body);
      return;
    case 'D':
      hides_ = !before.empty() && before.starts_with("heim_") && body[0] == 'S' &&
               first_string(body.substr(1)) == before;
      if (hides_) due_.back() = Due::described_parse;
      return;
    case 'S':
    case 'Q':
    case 'F':
      return due_.push_back(Due::end);
    default:
      return;
  }
}

void Described::take_answer(char tag) {
  adds_ = false;
  const auto is_end = [](Due due) { return due == Due::end; };
  if (tag == '1' && !due_.empty() && !is_end(due_.front())) {
    adds_ = due_.front() == Due::described_parse;
    due_.pop_front();
  } else if (tag == 'E' || tag == 'Z') {
    const auto end = std::find_if(due_.begin(), due_.end(), is_end);
    due_.erase(due_.begin(), end);
    if (tag == 'Z' && !due_.empty()) due_.pop_front();
  }
}

std::string Described::seen(std::string_view written) {
  if (open) return std::string(written);
  std::string out;
  while (!written.empty()) {
    if (rest_seen_ == 0) {
      rest_seen_ = size_of(written);
      take(written.substr(0, rest_seen_));
    }
    const std::string_view part = written.substr(0, rest_seen_);
    if (!hides_) out += part;
    rest_seen_ -= part.size();
    written.remove_prefix(part.size());
  }
  return out;
}

std::string Described::answered(std::string_view sent) {
  if (open) return std::string(sent);
  std::string out;
  while (!sent.empty()) {
    if (rest_sent_ == 0) {
      rest_sent_ = size_of(sent);
      take_answer(sent[0]);
    }
    const std::string_view part = sent.substr(0, rest_sent_);
    out += part;
    rest_sent_ -= part.size();
    sent.remove_prefix(part.size());
    if (rest_sent_ == 0 && std::exchange(adds_, false)) out += answer;
  }
  return out;
}

}  // namespace heim::session::test
