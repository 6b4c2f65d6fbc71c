// Work that waits for the end of the loop's present turn. Intrusive: deferring allocates nothing.
#pragma once
#include "base/list.hpp"

namespace heim::io {

/// Something that Loop::defer() can queue. Lives on the loop's thread; whoever destroys it while it
/// is queued calls Loop::cancel() first.
class Deferred {
 public:
  virtual ~Deferred() = default;
  /// Called once for each Loop::defer(), off the list already: it may defer again or delete itself.
  virtual void run_deferred() = 0;

  ListHook<Deferred> deferred_hook;
};

}  // namespace heim::io
