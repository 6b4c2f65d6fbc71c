// The extended protocol where a client's statements have its own names on its server: in mode
// session, or where it mixes those of SQL and of the protocol.
#include "session/client_cache.hpp"
#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/statement_text.hpp"

namespace heim::session {

// Where the server is the client's own, and the names are, too.
std::size_t Client::own_extended(Bytes in, const wire::Header& header) {
  if (!tracks_state()) {
    if (!has_server(in)) return 0;
    return open_own(in, header), native(in, header);
  }
  const bool hangs = server && header.tag != 'E' && hangs_on_outcome(in, header);
  if (hangs) return wait_for_outcome();
  if (own_resets_by_null(in, header)) {
    const Bytes other = as_bytes(hub.rewritten.back());
    return own_extended(other, wire::header_of(other)) > 0 ? header.total() : 0;
  }
  const bool small = header.tag == 'P' && header.total() <= parse_limit;
  if (small && in.size() < header.total()) return 0;
  if (!has_server(in)) return 0;
  note_parse(in, header);
  if (header.tag == 'B') note_own_bind(in);
  open_own(in, header);
  mend_before(header);
  if (const auto taken = own_unnamed(in, header)) return *taken;
  if (const auto taken = own_absent(in, header)) return *taken;
  return native(in, header);
}

void Client::open_own(Bytes in, const wire::Header& header) {
  refused_ = false;
  if (hub.guide.on()) account_own(in, header);
  open_batch(header);
}

// Under its own names, a client has its unnamed statement as elsewhere: a simple query of ours may
// have taken it from the server.
std::optional<std::size_t> Client::own_unnamed(Bytes in, const wire::Header& header) {
  const auto given = statement_name(in, header);
  if (!given || !given->empty()) return std::nullopt;
  if (header.tag == 'C') return close_statement(in, header);
  if (header.tag == 'P' && header.total() <= parse_limit) {
    return parse_unnamed(in, header, as_text(in.subspan(wire::header_size + 1, header.body - 1)));
  }
  if (header.tag == 'P') statements_.set_unnamed(nullptr);
  const bool uses = header.tag == 'B' || header.tag == 'D';
  if (uses && server->prepared.lacks_unnamed()) {
    const wire::Fields rest = behind_names(in, header);
    ensure_unnamed({{}, header.tag == 'B' ? &rest : nullptr, header.tag == 'D'});
  }
  return std::nullopt;
}

// Whether the server may know the name as the client does: it sent the statement whole, or made it
// by SQL's PREPARE.
bool Client::is_native(std::string_view given) const {
  if (holds_ & hold_text) return true;
  return tracks_state() && !given.starts_with("heim_");
}

// As it is, under the client's own names.
std::size_t Client::native(Bytes in, const wire::Header& header) {
  switch (header.tag) {
    case 'P':
      expect_own_parse({}, in, header);
      break;
    case 'B':
      server->expect(Reply::bind);
      break;
    case 'D':
      server->expect(Reply::describe);
      break;
    case 'E':
      Cached::note_execute(*this, in, header);
      if (forgetting_ || may_reset() || may_cut()) return execute(in, header);
      server->expect(Reply::execute);
      break;
    case 'C':
      server->expect(Reply::close);
      break;
    default:
      break;
  }
  return pass(in, header);
}

std::size_t Client::pin_and_pass(Bytes in, const wire::Header& header) {
  hold_server(hold_text);
  if (hub.guide.on()) account_unseen();
  server->pin();
  statements_.set_unnamed(nullptr);
  server->prepared.drop_unnamed();
  return native(in, header);
}

}  // namespace heim::session
