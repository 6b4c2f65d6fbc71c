#include "session/repeated.hpp"

#include <algorithm>

#include "wire/framer.hpp"

namespace heim::session {

std::string_view half_message(std::string_view messages) {
  wire::Header header;
  while (wire::peek(wire::Origin::server, as_bytes(messages), header) == wire::Peek::ok &&
         header.total() <= messages.size()) {
    messages.remove_prefix(header.total());
  }
  return messages;
}

void Repeated::expect_first(std::string shown, bool renames) {
  renames_ |= renames;
  seen_.insert(0, shown);
  half_ = !half_message(seen_).empty();
  cuts_ = false;
  left_ = 0;
}

// Behind what is left of the message that comes, or of the next one, as far as it is here. The
// bytes may end within a header: the rest of it is behind them.
Bytes Repeated::behind_part(Bytes bytes) {
  if (left_ == 0) left_ = wire::header_of(bytes).total();
  const std::size_t part = std::min<std::uint64_t>(left_, bytes.size());
  left_ -= part;
  return bytes.subspan(part);
}

// What begins with ReadyForQuery; empty: it has not come yet.
Bytes Repeated::hold_back(Bytes segment) {
  while (!segment.empty()) {
    if (left_ == 0 && segment[0] == 'Z') {
      cuts_ = false;
      return segment;
    }
    segment = behind_part(segment);
  }
  return {};
}

Repeated::Verdict Repeated::take(Bytes& segment) {
  if (cuts_) {
    segment = hold_back(segment);
    return Verdict::fine;
  }
  const std::size_t most = std::min(segment.size(), seen_.size());
  const auto [here, there] =
      std::mismatch(segment.begin(), segment.begin() + static_cast<std::ptrdiff_t>(most),
                    as_bytes(seen_).begin());
  const auto same = static_cast<std::size_t>(here - segment.begin());
  for (Bytes seen = segment.first(same); !seen.empty();) seen = behind_part(seen);
  segment = segment.subspan(same);
  seen_.erase(0, same);
  if (same == most) return Verdict::fine;
  // An error is what it is, whatever was shown before it.
  if (left_ == 0 && segment[0] == 'E' && !half_) {
    seen_.clear();
    return Verdict::fine;
  }
  seen_.clear();
  cuts_ = true;
  segment = hold_back(segment);
  return Verdict::otherwise;
}

}  // namespace heim::session
