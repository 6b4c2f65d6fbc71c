// Answers from the cache: what a batch of a client without a server asks may be there already, and
// if it is not, may be kept from its answer.
#pragma once
#include <string>
#include <string_view>

#include "cache/cache.hpp"
#include "session/client.hpp"
#include "session/gatherer.hpp"

namespace heim::session {

/// An answer that is on its way to a client and shall be kept; or that another one asked for, and
/// that the client waits for.
struct Client::Keeping {
  cache::Fill fill;
  cache::Ticket ticket;
  cache::Wake why = cache::Wake::look;  // it was woken
  Gatherer gathered;
  Instant asked{};
};

/// One look at the batch at hand.
class Client::Cached {
 public:
  explicit Cached(Client& client) : client_(client) {}

  /// Answers the batch that `in` begins with, and returns how long it is. 0: it is to be run; where
  /// its answer may be kept, that is seen to; or the client waits for another's.
  std::size_t answer(Bytes in);

  /// What goes to a client whose answer is kept.
  static void gather(Client& client, const Out& out);
  /// The answer is over, or there will be none: whoever waits for it goes on.
  static void drop(Client& client);
  /// What a client waits for is there, or will not be.
  static void wake(Client& client, cache::Wake why);

 private:
  /// What the batch asks: one statement, run once.
  struct Ask {
    std::size_t bytes = 0;  // of the batch; 0: it asks otherwise
    bool simple = false;
    bool describes = false;
    bool parses = false;
    std::string_view name;     // of the statement
    std::string_view content;  // of its Parse: text, zero, types
    StatementRef statement;    // of an earlier one, or of the Parse where that is known
    Bytes parameters;          // of the Bind: formats and values
    Bytes formats;             // of the result
  };

  bool is_alone() const;
  bool read(Bytes in);
  bool read_query(Bytes body);
  bool read_message(const wire::Header& header, Bytes body);
  bool read_parse(Bytes body);
  bool read_bind(Bytes body);
  bool find_statement();
  bool is_steady() const;
  cache::Key key() const;
  std::string_view text() const;
  std::size_t miss(cache::Lookup& lookup, const route::Plan& plan, cache::Ticket ticket);
  std::size_t wait(cache::Ticket ticket);
  std::size_t tell(const cache::Entry& entry);
  static bool is_fresh(const Client& client);

  Client& client_;
  Ask ask_;
  bool bound_ = false, executed_ = false;
};

}  // namespace heim::session
