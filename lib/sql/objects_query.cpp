#include "sql/objects.hpp"

namespace heim::sql {

namespace {

// 1247 pg_type, 1255 pg_proc, 1259 pg_class, 2604 pg_attrdef, 2605 pg_cast, 2606 pg_constraint,
// 2617 pg_operator, 2618 pg_rewrite, 2620 pg_trigger, 3256 pg_policy; 2602, 2603 and 2753 belong to
// operator classes. What a body or a rule uses of PostgreSQL's own, pg_depend does not have (it is
// pinned): a body says it by its words, a rule by the oids in its tree.
//
//   T relation, its kind, persistence and R for row security
//   D, F who reads the relation reads this relation, runs this function
//   A, G who writes the relation writes this relation, runs this function
//   C TRUNCATE of the relation takes this one along
//   U child, parent
//   N parent, child that differs
//   P function, its volatility and o if nobody knows what it does
//   B, H the function uses this relation, this function
//   K a function that can be called like a column: it takes a row alone, or what one becomes
//   O a function that runs without being named
//   M a function whose answer may hang on the clock or the like, as its words say
//   V such a view
//   I an isolation level that some session has by default, unless that is READ COMMITTED
//
// PostgreSQL's own relations are named with D and B; all of information_schema is "pg_catalog".
constexpr std::string_view text = R"sql((WITH space AS MATERIALIZED (
  SELECT oid FROM pg_namespace
   WHERE nspname <> 'pg_catalog' AND nspname <> 'information_schema' AND nspname !~ '^pg_t'),
rel AS MATERIALIZED (
  SELECT c.oid, c.relname::text AS name, lower(c.relname) AS word, c.relkind, c.relpersistence,
         c.relrowsecurity
    FROM pg_class c JOIN space ON space.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')),
system AS MATERIALIZED (
  SELECT c.oid, CASE n.nspname WHEN 'pg_catalog' THEN c.relname::text ELSE 'pg_catalog' END AS name,
         CASE n.nspname WHEN 'pg_catalog' THEN c.relname::text ELSE n.nspname::text END AS word
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v')),
ext AS MATERIALIZED (
  SELECT d.objid, e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
   WHERE d.classid = 1255 AND d.refclassid = 3079 AND d.deptype = 'e'),
fn AS MATERIALIZED (
  SELECT p.oid, p.proname::text AS name, lower(p.proname) AS word, p.provolatile, p.prokind,
         l.lanname AS language, ext.extname,
         CASE WHEN l.lanname IN ('sql', 'plpgsql')
              THEN lower(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)) END AS body
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN space ON space.oid = p.pronamespace
    LEFT JOIN ext ON ext.objid = p.oid),
known AS MATERIALIZED (
  SELECT oid, name, provolatile, CASE
      WHEN language IN ('sql', 'plpgsql') THEN body ~ ('\m(execute|create|alter|drop|truncate|grant'
        '|revoke|refresh|import|dblink\w*|crosstab\w*|connectby\w*|xpath_table|query_to_xml\w*'
        '|cursor_to_xml\w*|(table|schema|database)_to_xml\w*|ts_stat|ts_rewrite)\M')
      WHEN prokind = 'a' THEN false
      WHEN language IN ('c', 'internal') THEN provolatile = 'v' OR provolatile = 's'
           AND (extname IS NULL OR extname IN ('dblink', 'tablefunc', 'xml2'))
      ELSE true END AS opaque FROM fn),
said AS MATERIALIZED (
  SELECT DISTINCT fn.oid, fn.name, w.word
    FROM fn, unnest(regexp_split_to_array(fn.body, '\W+')) AS w(word) WHERE fn.body IS NOT NULL),
own AS MATERIALIZED (
  SELECT proname::text AS name, bool_or(provolatile = 'v') AS is_volatile
    FROM pg_proc WHERE oid < 16384 AND pronamespace = 'pg_catalog'::regnamespace
   GROUP BY 1 HAVING bool_or(provolatile <> 'i')),
part AS MATERIALIZED (
  SELECT x.classid, x.objid, x.relation, x.event FROM (
    SELECT 2618::oid AS classid, oid AS objid, ev_class AS relation, ev_type::text AS event
      FROM pg_rewrite
    UNION ALL SELECT 2620, oid, tgrelid, 'w' FROM pg_trigger
    UNION ALL SELECT 2604, oid, adrelid, 'w' FROM pg_attrdef
    UNION ALL SELECT 2606, oid, conrelid, 'w' FROM pg_constraint WHERE conrelid <> 0
    UNION ALL SELECT 1259, indexrelid, indrelid, 'w' FROM pg_index
    UNION ALL SELECT 3256, oid, polrelid, 'p' FROM pg_policy) x),
uses AS MATERIALIZED (
  SELECT DISTINCT part.classid, part.event, rel.oid, rel.name, rel.relkind, d.refclassid,
         d.refobjid
    FROM pg_depend d JOIN part ON part.classid = d.classid AND part.objid = d.objid
    JOIN rel ON rel.oid = part.relation WHERE d.refclassid IN (1255, 1259)),
own_uses AS MATERIALIZED (
  SELECT DISTINCT x.name, x.relkind, m[1] AS what, m[2]::oid AS used FROM (
      SELECT rel.name, rel.relkind, r.ev_action::text AS action
        FROM rel JOIN pg_rewrite r ON r.ev_class = rel.oid AND r.ev_type = '1'
       WHERE rel.relkind = 'v'
      UNION ALL SELECT rel.name, rel.relkind, concat(p.polqual, p.polwithcheck)
        FROM rel JOIN pg_policy p ON p.polrelid = rel.oid) x,
    regexp_matches(x.action, ':(funcid|opfuncid|aggfnoid|winfnoid|relid) (\d+)', 'g') m),
tree AS MATERIALIZED (
  SELECT i.inhparent AS parent, i.inhrelid AS child FROM pg_inherits i
   WHERE i.inhparent IN (SELECT oid FROM rel) AND i.inhrelid IN (SELECT oid FROM rel)),
fk AS MATERIALIZED (
  SELECT DISTINCT a.name AS referenced, b.name AS referencing, a.oid,
         c.confdeltype IN ('c', 'n', 'd') OR c.confupdtype IN ('c', 'n', 'd') AS acts
    FROM pg_constraint c JOIN rel a ON a.oid = c.confrelid JOIN rel b ON b.oid = c.conrelid
    LEFT JOIN pg_constraint up ON up.oid = c.conparentid
   WHERE c.contype = 'f' AND (up.oid IS NULL OR up.conrelid = c.conrelid))
SELECT DISTINCT 'T' AS kind, name, relkind::text || relpersistence::text
       || CASE WHEN relrowsecurity THEN 'R' ELSE '' END AS detail FROM rel
UNION ALL SELECT DISTINCT 'D', uses.name, rel.name FROM uses JOIN rel ON rel.oid = uses.refobjid
 WHERE uses.refclassid = 1259 AND uses.oid <> rel.oid
   AND (uses.event = 'p' OR uses.event = '1' AND uses.relkind <> 'm')
UNION ALL SELECT DISTINCT 'F', uses.name, fn.name FROM uses JOIN fn ON fn.oid = uses.refobjid
 WHERE uses.refclassid = 1255 AND (uses.event = 'p' OR uses.event = '1' AND uses.relkind <> 'm')
UNION ALL SELECT DISTINCT 'F', u.name, p.proname::text
  FROM own_uses u JOIN pg_proc p ON p.oid = u.used
 WHERE u.what <> 'relid' AND u.relkind = 'v' AND p.oid < 16384 AND p.provolatile <> 'i'
UNION ALL SELECT DISTINCT 'D', u.name, system.name
  FROM own_uses u JOIN system ON system.oid = u.used WHERE u.what = 'relid'
UNION ALL SELECT DISTINCT 'A', uses.name, rel.name FROM uses JOIN rel ON rel.oid = uses.refobjid
 WHERE uses.refclassid = 1259 AND uses.oid <> rel.oid AND uses.classid = 2618
   AND uses.relkind <> 'm'
UNION ALL SELECT 'A', referenced, referencing FROM fk WHERE acts
UNION ALL SELECT 'C', referenced, referencing FROM fk
UNION ALL SELECT DISTINCT 'G', uses.name, fn.name FROM uses JOIN fn ON fn.oid = uses.refobjid
 WHERE uses.refclassid = 1255 AND uses.relkind <> 'm'
UNION ALL SELECT DISTINCT 'U', c.name, p.name
  FROM tree JOIN rel c ON c.oid = tree.child JOIN rel p ON p.oid = tree.parent
UNION ALL SELECT DISTINCT 'N', p.name, c.name
  FROM tree JOIN rel c ON c.oid = tree.child JOIN rel p ON p.oid = tree.parent
 WHERE c.relkind = 'f' OR c.relpersistence = 'u' OR c.relkind = 'p'
    OR EXISTS (SELECT FROM tree deeper WHERE deeper.parent = c.oid)
    OR EXISTS (SELECT FROM fk WHERE fk.oid = c.oid)
    OR EXISTS (SELECT FROM uses WHERE uses.oid = c.oid AND uses.refclassid = 1255
                   OR uses.oid = c.oid AND uses.classid = 2618)
UNION ALL SELECT DISTINCT 'P', name, provolatile::text || CASE WHEN opaque THEN 'o' ELSE '' END
  FROM known
UNION ALL SELECT DISTINCT 'B', said.name, rel.name FROM said JOIN rel ON rel.word = said.word
UNION ALL SELECT DISTINCT 'B', said.name, system.name
  FROM said JOIN system ON system.word = said.word
UNION ALL SELECT DISTINCT 'B', fn.name, rel.name
  FROM rel JOIN fn ON position(rel.word IN fn.body) > 0
 WHERE regexp_replace(rel.word, '^[a-z_][a-z0-9_]*$', '') = rel.word
UNION ALL SELECT DISTINCT 'B', fn.name, rel.name
  FROM pg_depend d JOIN fn ON fn.oid = d.objid JOIN rel ON rel.oid = d.refobjid
 WHERE d.classid = 1255 AND d.refclassid = 1259
UNION ALL SELECT DISTINCT 'H', said.name, fn.name FROM said JOIN fn ON fn.word = said.word
 WHERE fn.oid <> said.oid
UNION ALL SELECT DISTINCT 'H', fn.name, used.name
  FROM fn JOIN fn used ON position(used.word IN fn.body) > 0
 WHERE regexp_replace(used.word, '^[a-z_][a-z0-9_]*$', '') = used.word
UNION ALL SELECT DISTINCT 'H', said.name, own.name FROM said JOIN own ON own.name = said.word
 WHERE own.is_volatile OR own.name ~ '^(pg|inet_server)_'
UNION ALL SELECT DISTINCT 'H', fn.name, used.name
  FROM pg_depend d JOIN fn ON fn.oid = d.objid JOIN fn used ON used.oid = d.refobjid
 WHERE d.classid = 1255 AND d.refclassid = 1255
UNION ALL SELECT DISTINCT 'M', fn.name, '' FROM fn
 WHERE provolatile <> 'i' AND prokind <> 'a' AND (body IS NULL AND extname IS NULL
    OR body ~ ('\m(now|today|tomorrow'
   '|yesterday|current_date|current_time|current_timestamp|localtime|localtimestamp|age|timetz'
   '|transaction_timestamp|statement_timestamp|current_setting|tablesample|ctid|xmin|xmax|cmin'
   '|cmax|pg_\w+|inet_\w+|txid_\w+)\M'))
UNION ALL SELECT DISTINCT 'V', rel.name, ''
  FROM rel JOIN pg_rewrite r ON r.ev_class = rel.oid AND r.ev_type = '1'
 WHERE rel.relkind = 'v' AND r.ev_action::text
   ~ ':varattno -[1-6]|[{]SQLVALUEFUNCTION |[{]TABLESAMPLE'
UNION ALL SELECT DISTINCT 'I', level.name, ''
  FROM (SELECT reset_val FROM pg_settings WHERE name = 'default_transaction_isolation'
        UNION ALL SELECT split_part(one, '=', 2) FROM pg_db_role_setting, unnest(setconfig) AS one
         WHERE split_part(one, '=', 1) = 'default_transaction_isolation'
           AND setdatabase IN (SELECT 0 UNION ALL
               SELECT oid FROM pg_database WHERE datname = current_database())) AS level(name)
 WHERE level.name NOT LIKE 'read %'
UNION ALL SELECT DISTINCT 'K', fn.name, ''
  FROM fn JOIN pg_proc p ON p.oid = fn.oid
  JOIN pg_type t ON t.oid = CASE p.provariadic WHEN 0 THEN p.proargtypes[0] ELSE p.provariadic END
  LEFT JOIN pg_type b ON b.oid = t.typbasetype
 WHERE fn.prokind = 'f' AND p.pronargs - p.pronargdefaults <= 1
   AND (t.typtype IN ('c', 'p') OR b.typtype IN ('c', 'd') OR t.oid IN (
     SELECT c.casttarget FROM pg_cast c JOIN pg_type s ON s.oid = c.castsource
      WHERE c.castcontext = 'i' AND s.typtype = 'c'))
UNION ALL SELECT DISTINCT 'O', known.name, ''
  FROM known JOIN fn ON fn.oid = known.oid
 WHERE (known.provolatile <> 'i' OR fn.language NOT IN ('c', 'internal'))
   AND known.oid IN (
     SELECT d.refobjid FROM pg_depend d WHERE d.refclassid = 1255
        AND d.classid IN (1247, 2602, 2603, 2605, 2616, 2617, 2753)
     UNION ALL SELECT d.refobjid FROM pg_depend d JOIN pg_constraint c ON c.oid = d.objid
      WHERE d.classid = 2606 AND c.contypid <> 0 AND d.refclassid = 1255
     UNION ALL SELECT fn.oid FROM fn JOIN pg_proc p ON p.proname = fn.name
      WHERE p.oid < 16384 AND p.pronamespace = 'pg_catalog'::regnamespace)))sql";

}  // namespace

std::string_view objects_query() { return text; }

}  // namespace heim::sql
