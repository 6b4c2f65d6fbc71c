// Makes up what a client says: random conversations over the simple and the extended protocol.
//
// A unit ends in ReadyForQuery. It is made of bursts: the client waits for all answers between two
// of them.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "profile.hpp"
#include "random.hpp"
#include "session.hpp"

namespace heim::sim {

struct Frontend {
  char tag;
  std::string body;
};
using Burst = std::vector<Frontend>;

struct Unit {
  std::vector<Burst> bursts;
  /// The last burst is data for COPY: sent only if the server has asked for it.
  bool copy_data_last = false;
};

class Script {
 public:
  Script(Random random, const Habits& habits, std::uint32_t client);

  /// A new connection: nothing of the old session is left.
  void restart();
  /// The number in the last tag.
  std::uint32_t number() const { return number_; }
  /// `session` is what is known for sure, if all is answered; null while answers are outstanding.
  Unit next(const Session* session);
  /// What to say before leaving in good order, if a transaction is open.
  Unit farewell() { return simple_text(tagged("ROLLBACK")); }

 private:
  struct Text {
    std::string sql;  // with $n in the extended protocol
    std::vector<std::string> parameters;
    bool copy_in = false;
  };
  std::string new_tag();
  std::string tagged(const std::string& sql) { return sql + " /*" + new_tag() + "*/"; }
  std::string value(Text& text, const std::string& content, bool extended);
  Text statement(bool extended);
  Text call(const std::string& function, std::vector<std::string> more, bool extended);
  Text setting(bool extended);
  Text transaction_control();
  Text mishap(bool extended);
  Text special(bool extended);
  Text ordinary(bool extended);
  // script_tables.cpp
  std::string begin_options();
  Text table_statement(bool extended);
  std::string hint(bool same);
  Text table_read(bool extended);
  Text table_write(bool extended);
  Text savepoint();
  std::string own_key() const {
    return "c" + std::to_string(client_) + "l" + std::to_string(life_) + "k";
  }

  Unit simple_text(const std::string& sql);
  Unit simple_unit();
  Unit extended_unit();
  Unit function_unit();
  Unit copy_unit(bool extended);
  Unit shape_unit();
  Burst copy_data();
  void execute(Burst& burst, const Text& text);
  void reuse(Burst& burst);
  void bind_and_run(Burst& burst, const std::string& name,
                    const std::vector<std::string>& parameters);

  Random random_;
  const Habits& habits_;
  std::uint32_t client_, life_ = 0;
  std::uint32_t sounds_ = 0;  // NOTIFYs
  std::uint32_t number_ = 0, transactions_ = 0, transaction_ = 0;
  bool failed_ = false;
  bool read_only_ = false;                    // the transaction is
  bool names_ = true;                         // named statements may be used now
  bool discard_ = true;                       // and DISCARD ALL
  std::map<std::string, std::string> named_;  // prepared by us: what it is
};

}  // namespace heim::sim
