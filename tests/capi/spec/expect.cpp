#include "expect.hpp"

#include <algorithm>

namespace spec {
namespace {

const std::map<std::string, std::uint32_t> type_numbers = {
    {"bool", 16},        {"bytea", 17},         {"int8", 20},      {"int2", 21},
    {"int4", 23},        {"text", 25},          {"json", 114},     {"float4", 700},
    {"float8", 701},     {"unknown", 705},      {"varchar", 1043}, {"date", 1082},
    {"timestamp", 1114}, {"timestamptz", 1184}, {"numeric", 1700}, {"uuid", 2950},
    {"jsonb", 3802},
};

bool has_answer_keys(const Json& wanted) {
  const auto& keys = expectation_keys();
  return std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
    return wanted.contains(key) && key != "until" && key != "error" && key != "cached";
  });
}

void expect_answer(const Json& wanted, const Answer& came) {
  if (wanted.contains("columns") && came.columns)
    expect_same("columns", wanted["columns"], *came.columns);
  if (wanted.contains("types")) {
    Json numbers = Json::array();
    for (const std::string name : wanted["types"]) numbers.push_back(type_numbers.at(name));
    expect_same("types", numbers, came.types);
  }
  if (wanted.contains("rows")) expect_same("rows", wanted["rows"], came.rows);
  if (wanted.contains("count")) expect_same("count", wanted["count"], came.rows.size());
  if (wanted.contains("tag") && came.tag) expect_same("tag", wanted["tag"], *came.tag);
  if (wanted.contains("affected")) expect_same("affected", wanted["affected"], came.affected);
}

}  // namespace

const std::vector<std::string>& expectation_keys() {
  static const std::vector<std::string> keys = {"rows",   "count",    "columns", "types",
                                                "tag",    "affected", "results", "error",
                                                "cached", "until"};
  return keys;
}

void expect_same(const std::string& what, const Json& wanted, const Json& came) {
  if (wanted != came) throw Mismatch{what + ": expected " + wanted.dump() + ", got " + came.dump()};
}

void expect_part(const std::string& what, const std::string& part, const std::string& whole) {
  if (whole.find(part) == std::string::npos)
    throw Mismatch{what + ": expected a part '" + part + "', got '" + whole + "'"};
}

void expect_keys(const Json& object, const std::vector<std::string>& known,
                 const std::string& where) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw Mismatch{where + ": unknown key " + key};
  }
}

void expect_answers(const Json& step, const Answers& came) {
  if (!step.contains("results")) {
    if (!has_answer_keys(step)) return;
    expect_same("number of results", 1, came.size());
    return expect_answer(step, came.front());
  }
  const Json& wanted = step["results"];
  expect_same("number of results", wanted.size(), came.size());
  for (std::size_t i = 0; i < came.size(); ++i) {
    expect_keys(wanted[i], {"rows", "count", "columns", "types", "tag", "affected"}, "results");
    expect_answer(wanted[i], came[i]);
  }
}

void expect_failure(const Json& wanted, const Failure& came) {
  expect_keys(wanted, {"sqlstate", "message", "fields", "ended"}, "error");
  const std::string all = came.sqlstate + " " + came.message;
  if (wanted.contains("sqlstate")) {
    const Json& right = wanted["sqlstate"];
    const Json list = right.is_array() ? right : Json::array({right});
    if (std::find(list.begin(), list.end(), came.sqlstate) == list.end())
      throw Mismatch{"sqlstate: expected " + right.dump() + ", got " + all};
  }
  if (wanted.value("ended", false) != came.ended)
    throw Mismatch{"the session has " + std::string(came.ended ? "" : "not ") + "ended: " + all};
  if (wanted.contains("message")) expect_part("message", wanted["message"], came.message);
  const Json fields = wanted.value("fields", Json::object());
  for (const auto& [letter, part] : fields.items()) {
    const auto found = came.fields.find(letter.at(0));
    expect_part("field " + letter, part, found == came.fields.end() ? "" : found->second);
  }
}

}  // namespace spec
