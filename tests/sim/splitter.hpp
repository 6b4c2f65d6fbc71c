// A small proxy that sends reads to standbys, with deliberate bugs: whether the cluster's oracle
// can see what it is for, and lets pass what is right.
//
// Each client has a connection to the primary and one to each standby, and speaks simple Query
// only. Outside of transactions, reads of tables go to a standby that has replayed what a small
// ledger asks for, which samples the primary's position as the real one does.
#pragma once
#include <memory>

#include "world.hpp"

namespace heim::sim {

enum class Fault {
  none,
  any_standby,       // reads go to any standby, however far behind it is
  early_sample,      // what is sampled before a commit's answer counts for that commit
  write_to_standby,  // now and then a write goes where reads go
  stay,              // writes go on to the old primary when there is a new one
  write_again,       // a write whose server was lost is sent to the next one
  give_up,           // a read whose standby was lost is an error
  count_
};

const char* name(Fault fault);

std::unique_ptr<Middle> make_splitter(World& world, Fault fault);

/// A world that speaks no more than a splitter understands.
Profile for_splitter(Profile profile);

}  // namespace heim::sim
