// The question behind an answer, by which it can be asked again; and what is foreseen by it.
#include "session/client_cache.hpp"
#include "session/hub.hpp"
#include "session/pool.hpp"
#include "session/question.hpp"
#include "wire/encoder.hpp"

namespace heim::session {
namespace {

constexpr std::size_t longest = 16'384;  // a question

std::string batch_of(const Form& form, Bytes parameters, std::uint32_t row_limit) {
  std::string batch;
  wire::Writer(batch, 'P').string({}).bytes(form.content);
  wire::Writer(batch, 'B')
      .string({})
      .string({})
      .bytes(as_text(parameters))
      .u16(static_cast<std::uint16_t>(form.formats.size() / 2))
      .bytes(as_text(form.formats));
  if (form.describes) wire::Writer(batch, 'D').u8('P').string({});
  wire::Writer(batch, 'E').string({}).u32(row_limit);
  wire::message(batch, 'S', {});
  return batch;
}

}  // namespace

// Of those who ask the database as the same user: nobody's text is run in the name of another.
Form Client::Cached::form() const {
  cache::KeyBuilder id(client_.hub.shared.hash_seed);
  id.add(client_.pool->dbname).add(client_.pool->record.key.user);
  id.add(ask_.content).add(as_text(ask_.formats)).add_number(ask_.describes);
  return {id.key(), ask_.content, ask_.formats, ask_.describes};
}

// The answer alone, or with the question behind it.
cache::Admission Client::Cached::admit(Client& client, Keeping& keeping, cache::Answer answer) {
  const Prompter::Purpose purpose = Cached::purpose(client);
  const Bytes pieces[] = {answer.pieces[0], as_bytes(keeping.question)};
  answer.layout[0] = static_cast<std::uint32_t>(pieces[0].size());
  answer.layout[1] = static_cast<std::uint32_t>(purpose);
  answer.pieces = {pieces, keeping.question.empty() ? 1U : 2U};
  const cache::Admission how = keeping.fill.admit(answer, client.hub.now());
  const bool ahead = purpose == Prompter::Purpose::prefetch && how == cache::Admission::stored;
  if (ahead) ++client.hub.shared.prefetch.stored;
  return how;
}

// Under what number it is known as who asks.
std::uint32_t Client::Cached::asker() const {
  Routing& mine = *client_.routing_;
  if (mine.asks_under == client_.vars) return mine.asker;
  Asker asker{client_.database_name, client_.user, {}};
  for (const auto& item : client_.vars->items) {
    if (!is_beside(item.first)) asker.settings.push_back(item);
  }
  mine.asks_under = client_.vars;
  return mine.asker = client_.hub.shared.askers->number(asker);
}

// The batch that asks the same, by whatever name this one's statement has.
std::string Client::Cached::question() const {
  const std::uint32_t number = asker();
  if (number == 0 || ask_.content.size() + ask_.parameters.size() > longest) return {};
  if (!ask_.simple) return pack(number, batch_of(form(), ask_.parameters, ask_.row_limit));
  std::string batch;
  wire::text_message(batch, 'Q', ask_.content);
  return pack(number, batch);
}

Prompter::Purpose Client::Cached::purpose(const Client& client) {
  return static_cast<Prompter::Purpose>(client.stream_ ? client.stream_->purpose() : 0);
}

// `first`: it was not looked at before it had to wait.
void Client::Cached::note_asked(bool first) const {
  Hub& hub = client_.hub;
  if (!hub.prefetch.is_on() || !first || ask_.simple || ask_.row_limit != 0) return;
  if (purpose(client_) != Prompter::Purpose::none || ask_.content.size() > longest) return;
  hub.prefetch.foresight.asked(client_.routing().trails, form(), ask_.parameters, hub.now());
}

// Answered by the cache.
void Client::Cached::note_used(const cache::Entry& entry) const {
  if (purpose(client_) != Prompter::Purpose::none) return;
  const auto mark = static_cast<Prompter::Purpose>(entry.layout()[1]);
  const bool first = mark == Prompter::Purpose::prefetch && entry.hits() == 1;
  if (first) ++client_.hub.shared.prefetch.used;
  const Bytes question = entry.bytes().subspan(entry.layout()[0]);
  note_answered(client_, question, entry.bytes().first(entry.layout()[0]));
}

// What is likely to be asked next is asked ahead.
void Client::Cached::note_answered(Client& client, Bytes question, Bytes answer) {
  Hub& hub = client.hub;
  if (!hub.prefetch.is_on() || question.empty()) return;
  if (purpose(client) != Prompter::Purpose::none) return;
  Cached asked(client);
  if (!asked.read(as_bytes(packed_batch(question))) || asked.ask_.simple) return;
  const std::uint32_t asker = packed_asker(question);
  auto next =
      hub.prefetch.foresight.answered(client.routing().trails, asked.form(), answer, hub.now());
  for (const Foresight::Next& each : next) {
    hub.prefetch.want(asker, batch_of(each.form, as_bytes(each.parameters), 0));
  }
}

}  // namespace heim::session
