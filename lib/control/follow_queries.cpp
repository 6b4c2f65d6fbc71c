#include "control/follow_queries.hpp"

#include "base/quote.hpp"
#include "control/queries.hpp"

namespace heim::control {
namespace {

#define HEIM_SIZES \
  "current_setting('wal_block_size'), pg_size_bytes(current_setting('wal_segment_size'))"

// A row that is made or changed has an xid that is greater than all before; one that is dropped
// lowers the count. Rows that VACUUM and ANALYZE change in place keep theirs. Built-in objects are
// left out, and temporary ones, which are nobody else's.
constexpr char own_sums[] =
    "(select concat(count(*), ' ', sum(x)) from ("
    "select c.xmin::text::bigint as x from pg_class c"
    " where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind not in ('i', 'I', 't', 'S')"
    " union all select a.xmin::text::bigint from pg_class c join pg_attribute a on a.attrelid ="
    " c.oid where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind not in"
    " ('i', 'I', 't', 'S') and a.attnum > 0"
    " union all select xmin::text::bigint from pg_proc where oid >= 16384"
    " union all select xmin::text::bigint from pg_rewrite where ev_class >= 16384"
    " union all select xmin::text::bigint from pg_inherits"
    " union all select xmin::text::bigint from pg_trigger where tgrelid >= 16384"
    " union all select xmin::text::bigint from pg_constraint where oid >= 16384"
    " union all select xmin::text::bigint from pg_policy"
    " union all select xmin::text::bigint from pg_type"
    " where oid >= 16384 and typrelid = 0 and typelem = 0"
    " union all select xmin::text::bigint from pg_enum"
    " union all select xmin::text::bigint from pg_cast where oid >= 16384"
    " union all select xmin::text::bigint from pg_operator where oid >= 16384"
    " union all select xmin::text::bigint from pg_collation where oid >= 16384"
    " union all select xmin::text::bigint from pg_namespace where nspname !~ '^pg_(toast_)?temp_'"
    " union all select xmin::text::bigint from pg_publication) sums)";

constexpr char shared_sums[] =
    "(select concat(count(*), ' ', sum(x)) from ("
    "select xmin::text::bigint as x from pg_auth_members"
    " union all select xmin::text::bigint from pg_database where datname = current_database()"
    " union all select hashtextextended(r::text, 0) from pg_roles r) sums)";

// Of a publication that lacks something, nothing would be heard.
constexpr char refusal[] =
    "(select case when current_setting('wal_level') <> 'logical'"
    " then 'wal_level is ' || current_setting('wal_level') || ', not logical'"
    " when p.oid is null then 'there is no publication ' || name"
    " when not p.puballtables then 'the publication ' || name || ' is not FOR ALL TABLES'"
    " when not (p.pubinsert and p.pubupdate and p.pubdelete and p.pubtruncate)"
    " then 'the publication ' || name || ' does not publish all that changes rows'"
    " when p.pubviaroot then 'the publication ' || name || ' publishes via the partition root'"
    " else '' end from (select ";
constexpr char refusal_end[] =
    "::text as name) given left join pg_publication p on p.pubname = given.name)";

}  // namespace

const Question step_question{
    "heim_step", "select pg_current_wal_insert_lsn(), " HEIM_SIZES ", txid_current_snapshot()"};
const Question nudge_question{"heim_nudge",
                              "select pg_logical_emit_message(true, 'heimproxy', 'nudge')"};

Question objects_question(std::string_view publication) {
  return {"heim_objects",
          std::string("select ") + own_sums + ", " + shared_sums + ", " + refusal +
              quoted(publication, '\'') + refusal_end +
              ", pg_current_wal_insert_lsn(), " HEIM_SIZES
              ", txid_current_snapshot(), "
              "(extract(epoch from clock_timestamp() - statement_timestamp()) * 1000000)::bigint"};
}

#undef HEIM_SIZES

std::optional<Step> read_step(const Rows& rows) {
  if (rows.count() != 1) return std::nullopt;
  auto running = freshness::Running::parse(rows.text(0, 3));
  const std::uint64_t end = read_insert(rows, 0, 1);
  if (!running || end == 0) return std::nullopt;
  return Step{end, std::string(rows.text(0, 3)), *std::move(running)};
}

std::optional<ObjectSums> read_objects(const Rows& rows) {
  if (rows.count() != 1) return std::nullopt;
  ObjectSums sums;
  sums.own = rows.text(0, 0);
  sums.shared = rows.text(0, 1);
  sums.refused = rows.text(0, 2);
  sums.wal_end = read_insert(rows, 3, 4);
  sums.snapshot = rows.text(0, 6);
  sums.work = read_work(rows, 7);
  return sums.wal_end == 0 ? std::nullopt : std::optional(std::move(sums));
}

}  // namespace heim::control
