// A small pooling relay with deliberate bugs: what the simulator must be able to catch.
//
// Without a bug it gives each client a server connection of its own and passes everything on, which
// must pass every check. Each bug is one that proxies have really had.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "world.hpp"

namespace heim::sim {

enum class Bug {
  none,
  swap_replies,          // two clients' answers are exchanged
  drop_row,              // a DataRow is lost
  lose_sync,             // a Sync is not passed on
  lose_flush,            // a Flush is not passed on
  run_twice,             // a simple Query is sent twice, and the first answer swallowed
  share_dirty,           // a server connection goes to the next client as the last one left it
  share_in_transaction,  // ... and even in the middle of a transaction
  early_error,           // an error of its own overtakes answers under way
  acknowledge_early,     // COMMIT is answered without asking the server
  stray_cancel,          // a cancel request is sent to some other server connection
  hide_parameter,        // a ParameterStatus is not passed on
  count_
};

const char* name(Bug bug);

std::unique_ptr<Middle> make_relay(World& world, Bug bug);

}  // namespace heim::sim
