#include "sql/catalog.hpp"

#include <algorithm>

namespace heim::sql {

namespace {

// 1255 pg_proc, 1259 pg_class, 2604 pg_attrdef, 2606 pg_constraint, 2618 pg_rewrite, 2620
// pg_trigger, 3256 pg_policy. A function in C is taken at its extension's word, one in a language
// that can do anything is not. A function that mentions the name of one that leaves something
// behind is one, too; so is a relation whose triggers, rules, defaults, constraints, policies or
// indexes use one, and a view, parent or referenced table of such a relation.
constexpr std::string_view session_query = R"sql(WITH RECURSIVE source AS MATERIALIZED (
  SELECT p.oid, p.proname::text AS name, l.lanname AS language,
         lower(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)) AS body
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE p.oid >= 16384 OR n.nspname <> 'pg_catalog'),
leaves(class, oid, name) AS (
  SELECT 1255::oid, oid, name FROM source
   WHERE CASE WHEN language IN ('internal', 'c') THEN name LIKE 'dblink%'
              WHEN language IN ('sql', 'plpgsql') THEN
                body ~ ('\m(set_config|pg_(try_)?advisory_lock(_shared)?'
                  '|pg_advisory_unlock\w*|setseed|currval|lastval|dblink\w*|discard'
                  '|deallocate|prepare|listen|unlisten|temp'
                  '|temporary|pg_temp\w*|hold|execute|load|call|query_to_xml\w*)\M'
                  '|(^|;|\mbegin|\mthen|\melse|\mloop)\s*(set|reset|do)\M')
              ELSE true END
  UNION
  SELECT x.class, x.oid, x.name FROM leaves, LATERAL (
    SELECT 1255::oid AS class, s.oid, s.name FROM source s
     WHERE s.language IN ('sql', 'plpgsql')
       AND s.body ~ ('\m' || regexp_replace(lower(leaves.name), '\W', '.', 'g') || '\M')
    UNION ALL
    SELECT CASE WHEN r.relation IS NOT NULL THEN 1259::oid ELSE d.classid END,
           coalesce(r.relation, d.objid), coalesce(c.relname::text, p.proname::text, '')
      FROM pg_depend d
      LEFT JOIN LATERAL (
        SELECT ev_class AS relation FROM pg_rewrite WHERE d.classid = 2618 AND oid = d.objid
        UNION ALL SELECT tgrelid FROM pg_trigger WHERE d.classid = 2620 AND oid = d.objid
        UNION ALL SELECT adrelid FROM pg_attrdef WHERE d.classid = 2604 AND oid = d.objid
        UNION ALL SELECT nullif(conrelid, 0) FROM pg_constraint
         WHERE d.classid = 2606 AND oid = d.objid
        UNION ALL SELECT polrelid FROM pg_policy WHERE d.classid = 3256 AND oid = d.objid
        UNION ALL SELECT coalesce((SELECT indrelid FROM pg_index WHERE indexrelid = d.objid),
                                  d.objid)
         WHERE d.classid = 1259) r ON true
      LEFT JOIN pg_class c ON c.oid = r.relation
      LEFT JOIN pg_proc p ON d.classid = 1255 AND p.oid = d.objid
     WHERE d.refclassid = leaves.class AND d.refobjid = leaves.oid
       AND (leaves.class = 1255 OR leaves.class = 1259 AND d.classid = 2618)
    UNION ALL
    SELECT 1259::oid, c.oid, c.relname::text
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
     WHERE leaves.class = 1259 AND i.inhrelid = leaves.oid
    UNION ALL
    SELECT 1259::oid, c.oid, c.relname::text
      FROM pg_constraint f JOIN pg_class c ON c.oid = f.confrelid
     WHERE leaves.class = 1259 AND f.conrelid = leaves.oid AND f.contype = 'f'
       AND (f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd'))) x)
SELECT 'f', s.name, bool_or(l.oid IS NOT NULL)::text FROM source s
  LEFT JOIN leaves l ON l.class = 1255 AND l.oid = s.oid GROUP BY s.name
UNION ALL SELECT DISTINCT 'f', p.proname::text, 'true' FROM leaves l JOIN pg_proc p ON p.oid = l.oid
 WHERE l.class = 1255 AND p.oid < 16384
UNION ALL SELECT DISTINCT 'r', name, 'true' FROM leaves WHERE class = 1259
UNION ALL SELECT DISTINCT 'w', class::text, 'true' FROM leaves
 WHERE class NOT IN (1255, 1259, 2606, 3466))sql";

}  // namespace

std::string Catalog::query() {
  return std::string(session_query) + "\nUNION ALL " + std::string(objects_query());
}

void Catalog::add(std::string_view kind, std::string_view name, std::string_view detail) {
  if (kind == "f") {
    functions_[std::string(name)] |= detail == "true";
  } else if (kind == "r") {
    relations_.emplace(name);
  } else if (kind == "w") {
    all_ = true;
  } else {
    objects_.add(kind, name, detail);
  }
}

/// Whether it leaves something behind, or is not known.
bool Catalog::leaves(const std::string& function) const {
  const auto known = functions_.find(function);
  return known == functions_.end() || known->second;
}

bool Catalog::is_suspicious(const Statement& statement) const {
  if (all_) return true;
  const auto leaves_by_use = [this](const Name& relation) {
    return relations_.contains(relation.name);
  };
  const bool relations =
      !relations_.empty() &&
      (std::any_of(statement.reads.begin(), statement.reads.end(), leaves_by_use) ||
       std::any_of(statement.writes.begin(), statement.writes.end(), leaves_by_use));
  return relations ||
         std::any_of(statement.functions.begin(), statement.functions.end(),
                     [this](const Name& function) { return leaves(function.name); }) ||
         std::any_of(statement.attributes.begin(), statement.attributes.end(),
                     [this](const std::string& name) {
                       return objects_.is_attribute(name) && leaves(name);
                     });
}

bool Catalog::is_suspicious(const Script& script) const {
  return std::any_of(script.statements.begin(), script.statements.end(),
                     [this](const Statement& each) { return is_suspicious(each); });
}

Effects Catalog::watch() const {
  if (all_) return ~Effects{0};
  return effect::calls_functions | (relations_.empty() ? 0 : effect::uses_relations) |
         (objects_.has_attributes() ? effect::names_attributes : 0);
}

}  // namespace heim::sql
