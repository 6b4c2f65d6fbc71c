// A primary "one.test" and a standby "two.test", to which reads go.
#pragma once
#include <doctest/doctest.h>

#include "auto_script.hpp"
#include "bench.hpp"

namespace heim::session::test {

// The catalog knows t and other. What reads go to the standby see is what it has.
inline void routed(Bench& bench, config::PoolMode mode = config::PoolMode::transaction) {
  bench.settings.nodes.push_back({"two", "two.test", 5432, config::NodeRole::standby});
  bench.settings.routing.reads = config::Reads::standby;
  bench.settings.proxy.pool_mode = mode;
  sql::Catalog catalog;
  for (const char* const table : {"t", "other"}) catalog.add("T", table, "rp");
  catalog.add("f", "total", "false");
  catalog.add("P", "total", "v");
  catalog.add("B", "total", "t");
  bench.knows_catalog(catalog);
}

// The primary's WAL ends here now; the standby has replayed so much.
inline void samples(Bench& bench, std::uint64_t end, std::uint64_t replayed) {
  bench.settle();
  freshness::Ledger& ledger = bench.shared().ledger;
  ledger.sample_done(ledger.sample_begins(), end);
  bench.shared().nodes.state(1).replayed = replayed;
}

// Its first server is the primary's: of the greeting.
struct Pair {
  explicit Pair(Bench& the_bench, std::uint64_t replayed = 100) : bench(the_bench) {
    client = &bench.login();
    primary = &bench.last();
    CHECK_EQ(primary->target.host, "one.test");
    samples(bench, 100, replayed);
  }
  // A read goes to the standby: its first one opens the connection.
  Server& opens_standby() {
    Server& opened = bench.server();
    CHECK_EQ(opened.target.host, "two.test");
    return opened;
  }
  Bench& bench;
  Client* client;
  Server* primary;
};

// A block on the standby, in which `sql` was answered.
inline Server& reads_in_block(Pair& pair, std::string_view sql,
                              std::string_view begin = "begin read only") {
  pair.client->sends(query(begin));
  pair.client->receives_all(done("BEGIN", 'T'));
  pair.client->sends(query(sql));
  Server& standby = pair.opens_standby();
  standby.receives_all(query(begin) + query(sql));
  standby.sends(done("BEGIN", 'T') + answer("1", 'T'));
  pair.client->receives_all(answer("1", 'T'));
  return standby;
}

}  // namespace heim::session::test
