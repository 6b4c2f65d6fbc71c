// What a statement of the protocol was read under stays with it, as it does on a server of one's
// own: date '1/2/2003' is a day of January or of February by the DateStyle of its Parse, whatever
// is set when it is bound. What its names stand for, the server looks up anew by itself when
// search_path or the role is another.
//
// The server reports most of the settings that literals are read under (DateStyle, TimeZone, ...)
// at the end of each batch: https://www.postgresql.org/docs/15/protocol-flow.html#PROTOCOL-ASYNC
#include "session/client_tracking.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/statement_text.hpp"

namespace heim::session {
namespace {

constexpr std::uint64_t spread = 0x94d049bb133111ebU;

// Whether it is not known what names stand for now. `open`: effects of statements whose outcome is
// not known either.
bool names_are_in_doubt(const Reading& reading, sql::Effects open) {
  return reading.is_open() || (open & sql::effect::suspicious) != 0;
}

}  // namespace

// Under what the server has a statement: names are read once for each. What is parsed while they
// are in doubt is nobody else's, but what is there already may be used. `anew`: it is parsed now.
Hash128 Client::key_of(const Statement& statement, bool anew) const {
  // After some changes of the catalog, a server reads a statement again, under what is set then:
  // where that is something else than at its Parse, it is this client's alone.
  const bool apart =
      statement.has_literals() && statement.reading != reading_.literals(id, told_, vars);
  const Hash128 hash = apart ? mixed(statement.hash, spread * ~id) : statement.hash;
  const Hash128 known = mixed(hash, vars->resolving);
  if (!server || !names_are_in_doubt(reading_, open_effects())) return known;
  const Hash128 own = mixed(hash, reading_.own_key(id));
  ServerStatements& there = server->prepared;
  if (anew || there.use(own) || there.has_unnamed(own)) return own;
  return there.use(known) || there.has_unnamed(known) ? known : own;
}

// What a statement that is parsed now is read under, names and all.
Settings Client::parsed_under() const {
  return names_are_in_doubt(reading_, open_effects()) ? nullptr : vars;
}

// All is answered. `before`: what was set when that was last certain; the server has said what is
// set now.
void Client::settle_reading(const SettingList* before) {
  if (before) {
    // Where that is the same, it is what all that came since was read under.
    const bool same = before->resolving == vars->resolving;
    if (!reading_.local) statements_.read_under(same ? 0 : reading_.epoch, vars);
    reading_.changed = false;
    reading_.unreported &= reading_.local;
  } else if (reading_.answered == reading_.round) {
    return;
  }
  reading_.answered = reading_.round;
  if (!reading_.unreported) statements_.read_as(reading_.epoch, told_, vars);
}

// Sends the Parse of a statement, with what it was read under set for it alone.
void Client::send_parse(std::string_view name, const Statement& statement, Reply reply,
                        bool has_undo) {
  ReadingApart apart;
  const bool otherwise = statement.told && statement.reading != reading_.literals(id, told_, vars);
  if (otherwise && tracks_state()) {
    const LiteralSettings now{told_, vars};
    apart = reading_apart(reading_.is_told() ? &now : nullptr, {statement.told, statement.set});
  }
  if (!apart.there.empty()) server->run_hidden(apart.there, hub.to_server);
  std::string message;
  wire::Writer(message, 'P').string(name).bytes(statement.content);
  hub.to_server.copy(message);
  ++pool->meter->total.server_parse_count;
  server->expect(reply, has_undo);
  if (!apart.back.empty()) server->run_hidden(apart.back, hub.to_server);
}

}  // namespace heim::session
