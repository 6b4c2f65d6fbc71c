#include "script.hpp"

#include "tag.hpp"
#include "wire/encoder.hpp"

namespace heim::sim {
namespace {

std::string packed(std::initializer_list<std::string_view> strings) {
  std::string body;
  for (const std::string_view text : strings) (body += text) += '\0';
  return body;
}

void put16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}

void put32(std::string& out, std::size_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}

Frontend parse_of(const std::string& name, const std::string& sql) {
  return {'P', packed({name, sql}) + std::string(2, '\0')};
}

Frontend bind_of(const std::string& portal, const std::string& name,
                 const std::vector<std::string>& parameters) {
  std::string body = packed({portal, name});
  put16(body, 0);
  put16(body, parameters.size());
  for (const std::string& parameter : parameters) {
    put32(body, parameter.size());
    body += parameter;
  }
  put16(body, 0);
  return {'B', body};
}

Frontend execute_of(const std::string& portal, std::uint32_t limit) {
  std::string body = packed({portal});
  put32(body, limit);
  return {'E', body};
}

constexpr const char* reported_names[] = {"application_name", "TimeZone", "DateStyle",
                                          "client_encoding"};
constexpr const char* unreported_names[] = {"work_mem", "statement_timeout", "search_path",
                                            "my.thing"};

}  // namespace

Script::Script(Random random, const Habits& habits, std::uint32_t client)
    : random_(random), habits_(habits), client_(client) {}

void Script::restart() {
  ++life_;
  transaction_ = 0;
  named_.clear();
}

std::string Script::new_tag() { return Tag{client_, transaction_, ++number_}.text(); }

std::string Script::value(Text& text, const std::string& content, bool extended) {
  if (!extended) return "'" + content + "'";
  text.parameters.push_back(content);
  return "$" + std::to_string(text.parameters.size());
}

Unit Script::next(const Session* session) {
  if (session) {
    const auto tag = Tag::read(session->block_tag());
    transaction_ = session->status() != 'I' && tag ? tag->transaction : 0;
    failed_ = session->status() == 'E';
    read_only_ = session->in_read_only_block();
    std::erase_if(named_,
                  [&](const auto& entry) { return !session->prepared().contains(entry.first); });
  }
  names_ = session || random_.chance(habits_.unsure_names);
  discard_ = session || random_.chance(habits_.pipelined_discard);
  if (random_.chance(habits_.functions)) return function_unit();
  if (random_.chance(habits_.ddl)) return shape_unit();
  const bool extended = random_.chance(habits_.extended);
  if (random_.chance(habits_.copies)) return copy_unit(extended);
  return extended ? extended_unit() : simple_unit();
}

// ---- single statements

Script::Text Script::call(const std::string& function, std::vector<std::string> more,
                          bool extended) {
  Text text;
  std::string sql = "SELECT " + function + "(" + value(text, new_tag(), extended);
  for (const std::string& argument : more) sql += ", " + value(text, argument, extended);
  text.sql = sql + ")";
  return text;
}

Script::Text Script::transaction_control() {
  Text text;
  if (transaction_ == 0) {
    transaction_ = ++transactions_;
    const std::string verb = random_.chance(80) ? "BEGIN" : "START TRANSACTION";
    text.sql = tagged(verb + begin_options());
    return text;
  }
  const bool commit = random_.chance(failed_ ? 30 : 70);
  text.sql = tagged(commit ? (random_.chance(80) ? "COMMIT" : "END") : "ROLLBACK");
  transaction_ = 0;
  failed_ = read_only_ = false;
  return text;
}

Script::Text Script::setting(bool extended) {
  const bool reported = !random_.chance(habits_.unreported);
  const std::string name =
      reported ? reported_names[random_.below(4)] : unreported_names[random_.below(4)];
  std::string content = "v" + std::to_string(client_) + "x" + std::to_string(random_.below(4));
  Text text;
  switch (random_.below(8)) {
    case 0:
      text.sql = tagged((random_.chance(habits_.resets) ? "RESET " : "SHOW ") + name);
      break;
    case 1:
      text.sql = tagged("SET LOCAL " + name + " TO '" + content + "'");
      break;
    case 2:
    case 3:
      return call("setting", {name}, extended);
    case 4:
      text.sql = tagged("SHOW " + name);
      break;
    default:
      text.sql = tagged("SET " + name + " TO '" + content + "'");
      break;
  }
  return text;
}

Script::Text Script::mishap(bool extended) {
  Text text;
  switch (random_.below(6)) {
    case 0:
      text.sql = "SELEKT 1";
      return text;
    case 1:
      text.sql = tagged("SET no_such_thing TO 'x'");
      return text;
    case 2:
      text.sql = tagged("SET server_version TO 'x'");
      return text;
    case 3:
      return call("defer_fail", {}, extended);
    default:
      return call("fail", {}, extended);
  }
}

Script::Text Script::special(bool extended) {
  const auto channel = [&] { return "channel" + std::to_string(random_.below(3)); };
  Text text;
  if (random_.chance(habits_.temp_tables)) {
    if (random_.chance(50)) return call("temp", {}, extended);
    text.sql = tagged("CREATE TEMP TABLE scratch (a int)");
  } else if (random_.chance(habits_.notifications)) {
    const std::uint64_t dice = random_.below(3);
    text.sql = tagged(dice == 0   ? "LISTEN " + channel()
                      : dice == 1 ? "UNLISTEN *"
                                  : "NOTIFY " + channel() + ", 'sound" + std::to_string(client_) +
                                        "." + std::to_string(++sounds_) + "'");
  } else if (discard_ && random_.chance(habits_.discard)) {
    text.sql = tagged(random_.chance(50) ? "DISCARD ALL" : "DEALLOCATE ALL");
  } else if (random_.chance(habits_.sql_prepare)) {
    const std::string name = "q" + std::to_string(random_.below(2));
    const std::uint64_t dice = random_.below(4);
    if (dice == 0) {
      text.sql = tagged("DEALLOCATE " + name);
    } else if (dice == 1) {
      text.sql =
          tagged("PREPARE " + name + " AS SELECT echo($1, 1, " + std::to_string(client_) + ")");
    } else {
      text.sql = "EXECUTE " + name + "('" + new_tag() + "')";
    }
  }
  return text;
}

Script::Text Script::statement(bool extended) {
  const std::uint32_t wish = transaction_ != 0 ? 25 : habits_.transactions / 2;
  if (random_.chance(failed_ ? 60 : wish)) return transaction_control();
  if (Text text = special(extended); !text.sql.empty()) return text;
  if (random_.chance(habits_.errors)) return mishap(extended);
  if (random_.chance(habits_.settings)) return setting(extended);
  if (habits_.tables > 0 && random_.chance(habits_.tables)) return table_statement(extended);
  return ordinary(extended);
}

Script::Text Script::ordinary(bool extended) {
  const std::string key = own_key() + std::to_string(random_.below(3));
  switch (random_.below(10)) {
    case 0:
      return call("nap", {std::to_string(random_.between(1, 40))}, extended);
    case 1:
      return call("notice", {}, extended);
    case 2:
    case 3:
      return call("read", {key}, extended);
    case 4:
    case 5:
    case 6: {
      Text text;
      const std::string tag = new_tag();
      text.sql = "INSERT INTO t VALUES (" + value(text, tag, extended) + ", ";
      text.sql += value(text, key, extended) + ", ";
      text.sql += value(text, "of " + tag, extended) + ")";
      return text;
    }
    default:
      break;
  }
  const bool large = random_.chance(habits_.large);
  return call("echo",
              {std::to_string(large ? random_.between(50, 400) : random_.below(5)),
               std::to_string(large ? random_.between(100, 1500) : random_.below(20))},
              extended);
}

// ---- units

Unit Script::simple_text(const std::string& sql) { return {{{{'Q', packed({sql})}}}, false}; }

Unit Script::simple_unit() {
  if (random_.chance(2)) return simple_text(random_.chance(50) ? "" : " ; ");
  std::string sql;
  for (std::uint64_t count = random_.chance(75) ? 1 : random_.between(2, 4); count > 0; --count) {
    if (!sql.empty()) sql += "; ";
    sql += statement(false).sql;
  }
  return simple_text(sql);
}

Unit Script::function_unit() {
  const std::string tag = new_tag();
  std::string body;
  put32(body, 1001);
  put16(body, 0);
  put16(body, 1);
  put32(body, tag.size());
  body += tag;
  put16(body, 0);
  return {{{{'F', body}}}, false};
}

void Script::bind_and_run(Burst& burst, const std::string& name,
                          const std::vector<std::string>& parameters) {
  if (random_.chance(15)) burst.push_back({'D', "S" + packed({name})});
  const std::string portal = random_.chance(15) ? "p" + std::to_string(random_.below(3)) : "";
  burst.push_back(bind_of(portal, name, parameters));
  if (random_.chance(50)) burst.push_back({'D', "P" + packed({portal})});
  const bool limited = random_.chance(10);
  burst.push_back(execute_of(portal, limited ? 2 : 0));
  if (limited) burst.push_back(execute_of(portal, random_.chance(50) ? 1 : 0));
  if (!portal.empty() && random_.chance(70)) burst.push_back({'C', "P" + packed({portal})});
}

void Script::execute(Burst& burst, const Text& text) {
  std::string name = names_ && random_.chance(30) ? "s" + std::to_string(random_.below(4)) : "";
  if (!name.empty() && named_.contains(name) && random_.chance(90)) {
    burst.push_back({'C', "S" + packed({name})});
  }
  burst.push_back(parse_of(name, text.sql));
  // Only what takes its tag as a parameter can be run again.
  if (!name.empty() && !text.parameters.empty()) named_[name] = text.sql;
  bind_and_run(burst, name, text.parameters);
}

void Script::reuse(Burst& burst) {
  auto it = named_.begin();
  std::advance(it, random_.below(named_.size()));
  std::vector<std::string> parameters{new_tag()};
  std::uint32_t count = 0;
  for (const char c : it->second) count += c == '$';
  const bool insert = it->second.starts_with("INSERT");
  const bool setting = it->second.find("setting(") != std::string::npos;
  while (parameters.size() < count) {
    const std::string key = own_key() + "0";
    const bool keyed = insert || it->second.find("read(") != std::string::npos;
    const bool is_key = keyed && parameters.size() == 1;
    // Whatever the name turns out to stand for: a number to start with, and a key of this client
    // alone.
    parameters.push_back(setting  ? "TimeZone"
                         : is_key ? key
                         : insert ? "of " + parameters[0]
                                  : "2" + key);
  }
  bind_and_run(burst, it->first, parameters);
}

Unit Script::extended_unit() {
  Unit unit;
  Burst burst;
  discard_ = discard_ && random_.chance(habits_.pipelined_discard);
  for (std::uint64_t count = random_.chance(60) ? 1 : random_.between(2, 5); count > 0; --count) {
    if (names_ && !named_.empty() && random_.chance(50)) {
      reuse(burst);
    } else {
      execute(burst, statement(true));
    }
    if (count > 1 && random_.chance(10)) {
      burst.push_back({'S', {}});
      names_ = names_ && random_.chance(habits_.unsure_names);
    }
    if (random_.chance(12)) {
      burst.push_back({'H', {}});
      if (random_.chance(60)) unit.bursts.push_back(std::move(burst)), burst = {};
    }
  }
  burst.push_back({'S', {}});
  unit.bursts.push_back(std::move(burst));
  return unit;
}

Burst Script::copy_data() {
  const std::string tag = new_tag();
  std::string data;
  const std::uint64_t lines = random_.chance(10) ? random_.between(200, 800) : random_.below(6);
  for (std::uint64_t i = 0; i < lines; ++i) {
    const std::string key = "c" + std::to_string(client_) + "l" + std::to_string(life_) + "copied";
    data += tag + ":" + std::to_string(i) + "\t" + key + "\t" + std::to_string(i) + "\n";
    if (random_.below(1000) < 20) data += "bad\n";
  }
  Burst burst;
  for (std::size_t at = 0; at < data.size();) {
    const std::size_t count =
        random_.chance(50) ? random_.between(1, 60) : random_.between(200, 4000);
    burst.push_back({'d', data.substr(at, count)});
    at += count;
    if (random_.chance(habits_.copy_syncs)) burst.push_back({random_.chance(50) ? 'H' : 'S', {}});
  }
  if (random_.chance(90)) {
    burst.push_back({'c', {}});
  } else {
    burst.push_back({'f', packed({"changed my mind"})});
  }
  return burst;
}

Unit Script::copy_unit(bool extended) {
  const bool in = random_.chance(65);
  std::string sql;
  if (in) {
    sql = tagged("COPY t FROM STDIN");
  } else {
    sql = "COPY (SELECT echo('" + new_tag() + "', " + std::to_string(random_.below(80)) + ", " +
          std::to_string(random_.below(200)) + ")) TO STDOUT";
  }
  Unit unit;
  Burst burst;
  if (extended) {
    burst.push_back(parse_of("", sql));
    burst.push_back(bind_of("", "", {}));
    burst.push_back(execute_of("", 0));
    if (!in || (habits_.copy_syncs > 0 && random_.chance(50))) {
      burst.push_back({'S', {}});  // ignored if the COPY is on, answered if it failed
    } else {
      burst.push_back({'H', {}});
    }
  } else {
    burst.push_back({'Q', packed({sql})});
  }
  if (!in) return unit.bursts.push_back(std::move(burst)), unit;
  const bool eager = random_.chance(habits_.eager_copies);
  Burst data = copy_data();
  if (!extended) {
    // A Sync among the data would be answered if the COPY had failed: fine, but only with an eye on
    // it.
    if (eager) std::erase_if(data, [](const Frontend& message) { return message.tag == 'S'; });
  } else {
    data.push_back({'S', {}});
  }
  if (eager) {
    for (Frontend& message : data) burst.push_back(std::move(message));
    unit.bursts.push_back(std::move(burst));
    return unit;
  }
  unit.bursts = {std::move(burst), std::move(data)};
  unit.copy_data_last = true;
  return unit;
}

Unit Script::shape_unit() {
  if (!names_) return simple_unit();
  if (random_.chance(10) && transaction_ == 0) {
    return simple_text(tagged("ALTER TABLE shape ADD COLUMN more int"));
  }
  Burst burst;
  const bool fresh = !named_.contains("shape");
  if (fresh) {
    burst.push_back(parse_of("shape", "SELECT shape($1)"));
    burst.push_back({'D', "S" + packed({"shape"})});
    named_["shape"] = "SELECT shape($1)";
  }
  burst.push_back(bind_of("", "shape", {new_tag()}));
  if (random_.chance(30)) burst.push_back({'D', "P" + packed({""})});
  burst.push_back(execute_of("", 0));
  burst.push_back({'S', {}});
  return {{std::move(burst)}, false};
}

}  // namespace heim::sim
