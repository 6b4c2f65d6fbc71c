// What a client is told in the place of an error, or at another place; and the answer to a text
// that has statements of ours among its own: theirs are not shown.
#include <algorithm>
#include <charconv>

#include "session/hub.hpp"
#include "session/server.hpp"

namespace heim::session {

// Whether the statement that is being answered is ours.
bool Server::hides_part() const {
  const Mended& mended = mended_.front();
  return std::ranges::find(mended.parts, mended.done, &Mended::Part::number) != mended.parts.end();
}

// False if the error was passed on with another place than the server's.
bool Server::shows_place(Bytes frame) {
  wire::Fields fields(frame.subspan(wire::header_size));
  for (std::uint8_t code = fields.u8(); code != 0 && fields.ok(); code = fields.u8()) {
    const std::string_view value = fields.string();
    if (code != 'P') continue;
    std::uint32_t place = 0;
    std::from_chars(value.data(), value.data() + value.size(), place);
    std::uint32_t shown = place;
    // Places count from 1; each part stands behind those before it.
    for (const Mended::Part& part : mended_.front().parts) {
      if (shown > part.at) shown -= std::min(part.size, shown - part.at);
    }
    std::string out(as_text(frame));
    const auto at = static_cast<std::size_t>(value.data() - as_text(frame).data());
    out.replace(at, value.size(), std::to_string(shown));
    store_be32(reinterpret_cast<std::uint8_t*>(out.data()) + 1,
               static_cast<std::uint32_t>(out.size() - 1));
    hub->to_client.copy(out);
    return false;
  }
  return true;
}

// Of a query. Whether it is shown as it is.
bool Server::shows_error(const wire::ErrorView& error, Bytes frame) {
  const std::string_view other = absent.told(error);
  if (other.empty()) return !is_mended() || shows_place(frame);
  hub->to_client.copy(other);
  return false;
}

// An error that the client is told in the place of the server's; empty: that itself.
std::string Server::instead_of(const wire::ErrorView& error, Bytes frame) const {
  const Expected::Entry front = expected_.front();
  const bool refused = front.undo && is_hidden_parse(front.reply) && !undo.front().refusal.empty();
  if (!refused || error.sqlstate == "57014") {
    if (const std::string_view other = absent.told(error); !other.empty()) {
      return std::string(other);
    }
    return holder_ ? holder_->in_its_names(*this, frame) : std::string();
  }
  std::string said;
  wire::error(said, {"ERROR", "08P01", undo.front().refusal});
  return said;
}

}  // namespace heim::session
