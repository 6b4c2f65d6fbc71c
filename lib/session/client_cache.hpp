// Answers from the cache: what a batch asks may be there already, and if it is not, may be kept
// from its answer. So it is for a client without a server, and in a transaction block that has only
// read so far, whether that has a server or not.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/cache.hpp"
#include "fleet/store.hpp"
#include "session/client.hpp"
#include "session/client_routing.hpp"
#include "session/gatherer.hpp"
#include "session/prompter.hpp"
#include "sql/hint.hpp"

namespace heim::session {

/// An answer that is on its way to a client and shall be kept; or that another one asked for, and
/// that the client waits for.
struct Client::Keeping {
  cache::Fill fill;
  cache::Ticket ticket;
  cache::Wake why = cache::Wake::look;  // it was woken
  Gatherer gathered = Gatherer();
  Instant asked{};
  Duration ttl{0};
  std::vector<freshness::TableId> tables = {};
  std::string question = {};  // as pack() has it; empty: it is not kept
  // How much the node that answers knows, see cache::Answer.
  cache::Grade grade = cache::Grade::full;
  std::uint64_t lsn = 0;
  // Of the store that the fleet has: see client_cache_store.cpp.
  cache::Key key{};
  std::string store_key = {};  // empty: it is not for the store
  std::uint64_t primary = 0;   // when it was asked for
  std::uint64_t number = 0;    // of the question that is under way; 0: none
  fleet::Store::Found found = {};
};

/// One look at the batch at hand.
class Client::Cached {
 public:
  explicit Cached(Client& client) : client_(client) {}

  /// Whether answer() is to be asked at all.
  static bool may_answer(const Client& client) {
    return client.server == nullptr || is_between_reads(client);
  }
  /// Whether anything it asks could be kept.
  static bool may_keep(Client& client);
  /// Answers the batch that `in` begins with, and returns how long it is. 0: it is to be run; where
  /// its answer may be kept, that is seen to; or the client waits for another's.
  std::size_t answer(Bytes in);

  /// A statement is sent: what its block is from here on.
  static void note(Client& client, const sql::Script& script, const route::Plan& plan);
  /// An Execute message is sent.
  static void note_execute(Client& client, Bytes in, const wire::Header& header);
  /// Of the settings that answers hang on.
  static cache::Key settings_key(const SettingList& settings, std::uint64_t seed);
  /// It has a server, of which node is known what it knows.
  static void linked(Client& client);
  /// What goes to a client whose answer is kept.
  static void gather(Client& client, const Out& out);
  /// The answer is over, or there will be none: whoever waits for it goes on.
  static void drop(Client& client);
  /// What a client waits for is there, or will not be.
  static void wake(Client& client, cache::Wake why);
  /// What the store has, for the question of that number.
  static void found(Client& client, std::uint64_t question, fleet::Store::Found&& found);

 private:
  /// What the batch asks: one statement, run once.
  struct Ask {
    std::size_t bytes = 0;  // of the batch; 0: it asks otherwise
    bool simple = false;
    bool describes = false;
    bool parses = false;
    std::string_view name;        // of the statement
    std::string_view content;     // of its Parse: text, zero, types
    StatementRef statement;       // of an earlier one, or of the Parse where that is known
    Bytes parameters;             // of the Bind: formats and values
    Bytes formats;                // of the result
    std::uint32_t row_limit = 0;  // of the Execute; 0: none
  };
  /// On what terms answers are taken and kept.
  struct Terms {
    cache::Wish wish;
    bool always = false;  // asked for: whether it pays or not
    std::uint64_t limit = 0;
  };

  // client_cache_terms.cpp
  /// Settings that no answer hangs on; statements of SQL's PREPARE are among them.
  static bool is_beside(std::string_view name);
  static bool is_between_reads(const Client& client);
  bool is_alone() const;
  bool may_see_newest() const;
  bool may_be_told() const;
  bool in_block() const { return client_.server || client_.in_held_block(); }
  const route::Outcome* rule_for(route::Plan& plan) const;
  std::optional<Terms> terms(route::Plan& plan) const;
  Terms terms_of(const route::Outcome* rule) const;
  freshness::Freshness scope_of(const sql::Hint& hint, const route::Outcome* rule) const;
  void take_scope(cache::Wish& wish, const freshness::Freshness& asked) const;
  // client_cache.cpp
  std::size_t look(Bytes in);
  bool read(Bytes in);
  bool read_query(Bytes body);
  bool read_message(const wire::Header& header, Bytes body);
  bool read_parse(Bytes body);
  bool read_bind(Bytes body);
  bool find_statement();
  std::uint64_t reading_now() const;
  bool is_steady() const;
  template <class Parts>
  void add_question(Parts& parts) const;
  cache::Key key() const;
  std::string_view text() const;
  std::size_t tell(const cache::Entry& entry);
  // client_cache_fill.cpp
  std::size_t miss(cache::Lookup& lookup, const route::Plan& plan, const Terms& terms,
                   cache::Ticket ticket);
  std::size_t wait(cache::Ticket ticket);
  static void go_on(Client& client);
  // client_foresee.cpp
  static cache::Admission admit(Client& client, Keeping& keeping, cache::Answer answer);
  std::uint32_t asker() const;
  std::string question() const;
  Form form() const;
  static Prompter::Purpose purpose(const Client& client);
  void note_asked(bool first) const;
  static void note_answered(Client& client, Bytes question, Bytes answer);
  void note_used(const cache::Entry& entry) const;
  // client_cache_store.cpp
  using Kept = std::unique_ptr<Keeping, Deleter<Keeping>>;
  std::string store_key(std::span<const freshness::TableId> tables) const;
  void ask_store(Keeping& keeping);
  std::size_t take_found(const cache::Lookup& lookup, const Terms& terms, Kept kept);
  static cache::Admission keep(Client& client, Keeping& keeping, const cache::Answer& answer);

  Client& client_;
  Ask ask_;
  bool bound_ = false, executed_ = false;
};

/// What makes the answer what it is, beside who asks and the statement itself.
template <class Parts>
void Client::Cached::add_question(Parts& parts) const {
  constexpr std::string_view no_types("\0\0", 2), no_parameters("\0\0\0\0", 4);
  // What the client knows its answers to be formatted by.
  parts.add_number(client_.told_ ? client_.told_->reported : 0);
  parts.add(ask_.simple ? no_types : ask_.content.substr(text().size() + 1));
  parts.add(ask_.simple ? no_parameters : as_text(ask_.parameters));
  // The format of each column: 0 or 1 for all of them, else the list as it is.
  const std::size_t formats = ask_.formats.size() / 2;
  if (formats <= 1) {
    parts.add_number(formats == 0 ? 0 : load_be16(ask_.formats.data()));
  } else {
    parts.add(as_text(ask_.formats));
  }
  parts.add_number(ask_.describes).add_number(ask_.row_limit);
}

}  // namespace heim::session
