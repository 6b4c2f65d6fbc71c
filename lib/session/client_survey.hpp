// What a batch of a routed client does.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "session/client_routing.hpp"
#include "sql/hint.hpp"

namespace heim::session {

/// What the batch at hand does. Made for one decision.
class Client::Survey {
 public:
  explicit Survey(Client& client) : client_(&client) {}

  route::Plan* plan = nullptr;        // null: its text does not tell
  std::size_t bytes = 0;              // of the batch, which is here whole; 0: it is not
  bool whole = true;                  // all of it was looked at
  bool cuts = false;                  // looked at up to where it ends its block
  bool plain = true;                  // leaves nothing behind in its transaction
  bool names_portal = false;          // that has a name: it can outlive its batch
  bool ends = false;                  // a block, perhaps
  bool ends_first = false;            // and does nothing before
  bool sets = false;                  // a setting, or shows one
  bool commands = false;              // changes its session: not to be run twice
  bool holds = false;                 // would keep the server
  bool fails_alike = true;            // where nothing may be written, the same on each kind of node
  sql::Hint hint;                     // of its first text that has one
  const sql::Script* only = nullptr;  // if it is one text
  std::string_view text;              // the last one
  std::optional<std::string_view> ending;  // see Routing

  /// At the batch that begins there.
  void look_ahead(Bytes in);
  /// Something of it cannot be seen: it may do anything.
  void note_unseen();
  std::string plan_reason() const { return plan ? std::string(plan->needs.reason) : "not known"; }

 private:
  void look_at_first_part(Bytes in);
  bool note_message(const wire::Header& header, Bytes body);
  void note_query(Bytes body, bool alone);
  void note_parse(Bytes body);
  void note_bind(Bytes body);
  void note_execute(const std::string& name, const sql::Script& script);
  void note_script(const sql::ScriptRef& script, std::string_view its_text);
  void note(const sql::Script& script, const route::Needs& needs);
  void take_hint(std::string_view its_text);
  bool is_cut_at(const wire::Header& header, Bytes body, Bytes rest) const;

  Client* client_;
};

}  // namespace heim::session
