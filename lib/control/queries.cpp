#include "control/queries.hpp"

#include <algorithm>
#include <charconv>

namespace heim::control {
namespace {

// The server's own time for a question, in microseconds: it counts from the message's arrival.
#define HEIM_WORK \
  "(extract(epoch from clock_timestamp() - statement_timestamp()) * 1000000)::bigint"

#define HEIM_SIZES \
  "current_setting('wal_block_size'), pg_size_bytes(current_setting('wal_segment_size')), "

// Of a standby, the timeline it receives; pg_control knows it only from the next restart point on,
// and not every role may see the receiver. pg_walfile_name() fails in recovery, and names the
// timeline before pg_control does after a promotion.
constexpr char probe_sql[] =
    "select r, current_setting('transaction_read_only') = 'on',"
    " case when r then null else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end,"
    " case when r then (select received_tli from pg_stat_get_wal_receiver()) end,"
    " (select timeline_id from pg_control_checkpoint()),"
    " case when r then (select min_recovery_end_timeline from pg_control_recovery()) end,"
    " (select system_identifier from pg_control_system()),"
    " case when r then null else pg_current_wal_insert_lsn() end,"
    " case when r then pg_last_wal_receive_lsn() end,"
    " case when r then pg_last_wal_replay_lsn() end,"
    " case when r then (extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())"
    " * 1000000)::bigint end, " HEIM_SIZES HEIM_WORK " from pg_is_in_recovery() r";

template <class T>
std::optional<T> number(std::string_view text, int base = 10) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

std::optional<Duration> micros(const Rows& rows, int row, int column) {
  const auto value = number<std::int64_t>(rows.text(row, column));
  return value ? std::optional<Duration>(std::chrono::microseconds(*value)) : std::nullopt;
}

std::uint32_t timeline(const Rows& rows, bool in_recovery) {
  if (!in_recovery) return number<std::uint32_t>(rows.text(0, 2), 16).value_or(0);
  if (const auto received = number<std::uint32_t>(rows.text(0, 3))) return *received;
  return std::max(number<std::uint32_t>(rows.text(0, 4)).value_or(0),
                  number<std::uint32_t>(rows.text(0, 5)).value_or(0));
}

}  // namespace

std::uint64_t read_insert(const Rows& rows, int column, int sizes) {
  return end_of_records(parse_lsn(rows.text(0, column)),
                        number<std::uint64_t>(rows.text(0, sizes)).value_or(0),
                        number<std::uint64_t>(rows.text(0, sizes + 1)).value_or(0));
}

Duration read_work(const Rows& rows, int column) {
  return micros(rows, 0, column).value_or(Duration::zero());
}

const Question probe_question{"heim_probe", probe_sql};
const Question position_question{"heim_position",
                                 "select pg_last_wal_replay_lsn(), null, null, " HEIM_WORK};
const Question insert_question{"heim_insert",
                               "select pg_current_wal_insert_lsn(), " HEIM_SIZES HEIM_WORK};
const Question senders_question{
    "heim_senders",
    "select application_name, client_addr, client_hostname, state, sync_state, sent_lsn,"
    " write_lsn, flush_lsn, replay_lsn, (extract(epoch from write_lag) * 1000000)::bigint,"
    " (extract(epoch from flush_lag) * 1000000)::bigint,"
    " (extract(epoch from replay_lag) * 1000000)::bigint from pg_stat_replication"
    " where state <> 'backup' order by application_name, client_addr, pid limit 256"};

#undef HEIM_WORK
#undef HEIM_SIZES

std::uint64_t end_of_records(std::uint64_t insert, std::uint64_t block, std::uint64_t segment) {
  constexpr std::uint64_t header = 24, long_header = 40;  // XLogPageHeaderData, XLogLongPageHeader
  if (segment > 0 && insert % segment == long_header) return insert - long_header;
  const bool first = segment > 0 && insert % segment < block;
  if (block > 0 && !first && insert % block == header) return insert - header;
  return insert;
}

std::uint64_t parse_lsn(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return 0;
  const auto high = number<std::uint32_t>(text.substr(0, slash), 16);
  const auto low = number<std::uint32_t>(text.substr(slash + 1), 16);
  return high && low ? std::uint64_t{*high} << 32 | *low : 0;
}

std::optional<Probed> read_probe(const Rows& rows) {
  if (rows.count() != 1 || rows.is_null(0, 0)) return std::nullopt;
  Probed probed;
  cluster::Answer& answer = probed.answer;
  answer.in_recovery = rows.text(0, 0) == "t";
  answer.read_only = !answer.in_recovery && rows.text(0, 1) == "t";
  answer.timeline = timeline(rows, answer.in_recovery);
  answer.system = static_cast<std::uint64_t>(number<std::int64_t>(rows.text(0, 6)).value_or(0));
  answer.insert = read_insert(rows, 7, 11);
  answer.received = parse_lsn(rows.text(0, 8));
  answer.replayed = parse_lsn(rows.text(0, 9));
  answer.behind = micros(rows, 0, 10);
  probed.work = read_work(rows, 13);
  return probed;
}

std::optional<Position> read_position(const Rows& rows) {
  if (rows.count() != 1 || rows.is_null(0, 0)) return std::nullopt;
  return Position{read_insert(rows, 0, 1), read_work(rows, 3)};
}

std::vector<Sender> read_senders(const Rows& rows) {
  std::vector<Sender> senders;
  for (int i = 0; i < rows.count(); ++i) {
    Sender& row = senders.emplace_back();
    row.application_name = rows.text(i, 0);
    row.client_addr = rows.text(i, 1);
    row.client_hostname = rows.text(i, 2);
    row.state = rows.text(i, 3);
    row.sync_state = rows.text(i, 4);
    row.sent = parse_lsn(rows.text(i, 5));
    row.written = parse_lsn(rows.text(i, 6));
    row.flushed = parse_lsn(rows.text(i, 7));
    row.replayed = parse_lsn(rows.text(i, 8));
    row.write_lag = micros(rows, i, 9);
    row.flush_lag = micros(rows, i, 10);
    row.replay_lag = micros(rows, i, 11);
  }
  return senders;
}

}  // namespace heim::control
