// Positions of the WAL, asked of the primary: who wants one, and who is told.
#pragma once
#include <cstdint>

#include "base/clock.hpp"

namespace heim::cluster {

/// Asks the primary where its WAL ends.
class LsnSource {
 public:
  virtual ~LsnSource() = default;
  /// [any thread] A sample that begins after this call is wanted. The source paces itself.
  virtual void want_sample() = 0;
};

/// Is told. [one thread] A sample's position is that of the newest timeline; where a standby is on
/// an older one, its `replayed` is 0 before a position of the new one is told.
class LsnSink {
 public:
  virtual ~LsnSink() = default;
  /// Right before the question is sent. The token names the sample.
  virtual std::uint64_t sample_begins() = 0;
  /// `lsn`: pg_current_wal_insert_lsn(), as a number.
  virtual void sample_done(std::uint64_t token, std::uint64_t lsn) = 0;
  virtual void sample_failed(std::uint64_t token) = 0;
  /// The primary is on a newer timeline, and was at or behind `lsn` when it took over: what was
  /// told behind that names nothing that is left. Before a sample of the new timeline is done.
  virtual void timeline_switched(std::uint64_t /*lsn*/) {}
  /// Several times a second, whatever happens.
  virtual void tick(Instant /*now*/) {}
};

}  // namespace heim::cluster
