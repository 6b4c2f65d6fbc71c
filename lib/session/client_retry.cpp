// "cached plan must not change result type": the server refuses to run a statement that was
// prepared before a table changed. Where nothing of a batch has happened or been shown, it is run
// again with the statement prepared anew, and the client does not hear of it.
//
// That is so outside a transaction block, for one Bind with its Execute, behind which nothing was
// sent; and only if it describes the portal, so that the client learns the new columns with the
// rows.
#include "session/hub.hpp"
#include "session/pool.hpp"

namespace heim::session {
namespace {

constexpr std::size_t kept_limit = 8192;  // bytes of a batch that are kept for it

}  // namespace

void Client::keep_for_retry(Bytes in, const wire::Header& header) {
  std::string& kept = server->kept;
  const bool whole = in.size() >= header.total() && kept.size() + header.total() <= kept_limit;
  if (header.tag == 'B') {
    kept.clear();
    if (whole && !server->owes() && !server->in_transaction()) {
      kept.assign(as_text(in.first(header.total())));
    }
    return;
  }
  if (kept.empty()) return;
  const bool fits = header.tag == 'E' || header.tag == 'S' ||
                    (header.tag == 'D' && header.body > 0 && in[wire::header_size] == 'P');
  if (!whole || !fits) return kept.clear();
  kept.append(as_text(in.first(header.total())));
}

// The batch that was kept failed, and its ReadyForQuery came.
void Client::on_retry(Server& given) {
  std::string kept = std::exchange(given.kept, {});
  const std::size_t used = pump(as_bytes(kept));
  given.kept.clear();  // once
  // Where this server is not to run it any more, it waits for another.
  if (state_ != ClientState::closing) inbox_.insert(0, kept.erase(0, used));
}

}  // namespace heim::session
