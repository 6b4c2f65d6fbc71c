// Foretells, message by message, what a client must be answered.
//
// It runs the same Session a server runs, one step ahead of the answers as they come. Whatever
// differs is a violation, unless it is an error that the world has a reason for (a cancel, a
// crash): then the session is failed at that very point, and must go on from there as the protocol
// says.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>

#include "judge.hpp"
#include "session.hpp"
#include "wire/framer.hpp"

namespace heim::sim {

/// What may go wrong for a client through no fault of the one in between.
struct Tolerance {
  std::set<std::string> errors;       // SQLSTATEs, or classes of two characters
  std::set<std::string> lost_errors;  // of these, the ones that say a server is gone
  /// Where rows of the statement or its transaction were shown already: nothing can be done again.
  std::set<std::string> after_rows;
  bool disconnects = false;
  bool ddl = false;  // 0A000 "cached plan must not change result type"
  /// In a failed transaction any of its errors stands for any other, and Parse may still succeed.
  bool loose_when_failed = false;
  bool reshapes = false;  // after DDL a row may have other columns than were described before
  bool startup_is_default = true;  // RESET goes back to what the startup packet said
  bool keeps_settings = true;  // also such as are not reported: a SET holds until the session ends
};

class Oracle final : public SessionHost {
 public:
  Oracle(Judge& judge, const Tolerance& tolerance, std::uint32_t client, Gucs gucs);

  void sent(char tag, std::string_view body) {
    session_.receive(tag, body, judge_.history().stamp());
  }
  void cancel_sent() { ++cancels_; }
  /// What is wrong with this message; empty if nothing.
  std::string received(char tag, std::string_view body);
  /// No answer is outstanding: all is answered, or a COPY awaits data.
  bool quiet();
  /// ParameterStatus seen, also during login.
  void parameter(const std::string& name, const std::string& value) { reported_[name] = value; }
  std::string check_parameters();
  /// What the startup packet said: DISCARD ALL may go back to it.
  void startup(const std::string& name, const std::string& value) { startup_[name] = value; }
  bool fatal() const { return fatal_; }
  /// The connection may end here, though the world is not one where connections end.
  bool may_end() const {
    return (rows_shown_ || session_.status() == 'E') && !tolerance_.after_rows.empty();
  }
  const Session& session() const { return session_; }
  std::uint64_t readies() const { return readies_; }

 private:
  void on_commit(const std::vector<Write>& writes) override;
  void on_abort(const std::vector<Write>& writes) override;
  std::string read(const std::string& key) override;
  Snapshot take_snapshot() override { return session_.stamp(); }
  void listen(const std::string& channel, bool on) override;

  std::string notification(std::string_view body);
  void begin_to_listen();
  std::string error(std::string_view body);
  std::string ready(std::string_view body);
  std::string match(char tag, std::string_view body);
  std::string match_body(char tag, std::string_view body, std::string_view expected);
  std::string match_shape(char tag, std::string_view body, std::string_view expected);
  std::string match_setting(std::string_view body);
  std::string match_tables(std::string_view body, std::string_view expected);
  bool foresee();  // makes sure the next expected message is there, if there is one
  bool foresees_error(std::string_view sqlstate, std::string_view message);
  bool foresee_answer(wire::Header& header);
  bool explained(const std::string& sqlstate);
  void doubt_unheard();
  bool tolerated(const std::set<std::string>& list, const std::string& sqlstate) const;

  Judge& judge_;
  const Tolerance& tolerance_;
  std::uint32_t client_;
  Session session_;
  std::string expected_;
  std::map<std::string, std::string> startup_, reported_, values_;
  std::map<std::string, std::string> writers_;  // of the values: their tags
  std::set<std::string> uncertain_;
  std::map<std::string, Judge::Ear> channels_;
  std::uint32_t cancels_ = 0;
  std::uint64_t readies_ = 0;
  std::size_t shape_columns_ = 0;
  bool lost_ = false;  // the last error said that the server is gone
  bool fatal_ = false;
  bool read_uncertain_ = false;
  bool rows_shown_ = false;  // since the session was last outside of a transaction
  Seen seen_;
};

}  // namespace heim::sim
