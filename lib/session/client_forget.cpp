// Statements that forget prepared statements, where servers are shared: the names are here.
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/statement_text.hpp"

namespace heim::session {

// A simple query.
Client::Forget Client::forget(Bytes frame) {
  const std::string_view text = query_text(frame);
  const bool first = text.starts_with('d') || text.starts_with('D');
  const Forgets what = first ? forgets(text) : Forgets{};
  if (what.what == Forgets::What::nothing) return may_forget(text) ? Forget::all : Forget::no;
  if (what.what == Forgets::What::one) {
    return forget_one(what.name) ? Forget::answered : Forget::no;
  }
  // The server has to answer where it runs something, and where it was seen to change a setting.
  const bool more = what.what == Forgets::What::more;
  const bool changed = tracks_state() ? vars != startup_vars_ : settings_changed_;
  if (server || changed || more || listens_elsewhere() || in_held_block()) return Forget::all;
  // Nothing of this session is on any server, but for what the next one to have that server undoes.
  statements_.clear_named();
  ++life_;
  answer_forgotten(what.what == Forgets::What::all ? "DEALLOCATE ALL" : "DISCARD ALL");
  return Forget::answered;
}

// Of a statement that was prepared through the protocol, as some drivers do. What it stands for
// stays where it is, for others: the name goes, and the answer is made here.
bool Client::forget_one(const std::string& name) {
  if (!shares_names() || !statements_.find(name)) return false;
  if (server && (server->owes() || server->batch_open || server->in_message() ||
                 server->in_failed_transaction())) {
    return false;
  }
  statements_.erase(name);
  answer_forgotten("DEALLOCATE");
  return true;
}

void Client::answer_forgotten(std::string_view tag) {
  statements_.set_unnamed(nullptr);  // as any simple query does
  std::string answer;
  wire::command_complete(answer, tag);
  wire::ready(answer, server ? (server->in_transaction() ? 'T' : 'I') : own_status());
  hub.to_client.copy(answer);
}

// A portal that will forget all when it is executed.
void Client::will_forget(std::string_view portal) {
  forgetting_ = std::make_unique<std::string>(portal);
}

std::size_t Client::execute(Bytes in, const wire::Header& header) {
  wire::Fields fields(in.subspan(wire::header_size, header.body));
  const std::string_view portal = fields.string();
  const bool forgets = forgetting_ && portal == *forgetting_;
  if (forgets) remember_forgotten();
  server->expect(Reply::execute, forgets);
  const std::size_t used = pass(in, header);
  if (body_left_ > 0) return used;
  mend(portal, in.subspan(used));
  cut_behind_block(portal, in.subspan(used));
  return used;
}

// All statements go now, for what follows in this batch, and come back if the server refuses.
void Client::remember_forgotten() {
  Undo change;
  change.forgotten =
      std::make_unique<Forgotten>(Forgotten{server->prepared.items(), statements_.copy()});
  change.hangs = true;
  server->remember(std::move(change));
  server->prepared.clear_named();
  server->orphans.clear();
  statements_.clear_named();
}

// A simple query may forget: what later batches name hangs on it.
void Client::expect_forgetting(std::string_view text) {
  Undo change;
  change.hangs = true;
  const std::vector<std::size_t> ends = statement_ends(text);
  const std::size_t count = ends.size();
  const std::string_view last = text.substr(count < 2 ? 0 : ends[count - 2]);
  const Forgets::What what = forgets(last).what;
  if (count > 0 && (what == Forgets::What::all || what == Forgets::What::session)) {
    change.forgets_behind = static_cast<std::uint32_t>(count - 1);
  }
  server->remember(std::move(change));
}

}  // namespace heim::session
