// Invariants:
// 1. A stream cut at any places gives the same messages and the same end as the whole stream.
// 2. Nothing reads beyond the bytes it was given, whatever tags, lengths and bodies say.
// 3. What the encoder writes, the framer reads: every message of the table, with any choice of
//    fields, comes back with its tag and a body that fits its description.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/message_body.hpp"
#include "wire/encoder.hpp"
#include "wire/framer.hpp"

using namespace heim;
using wire::Origin;
using wire::Peek;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// A copy that ends exactly where its bytes end, so that the sanitizer sees one byte too far.
struct Exact {
  explicit Exact(Bytes from) : size(from.size()), data(new std::uint8_t[from.size()]) {
    if (size) std::memcpy(data.get(), from.data(), size);
  }
  Bytes view() const { return {data.get(), size}; }
  std::size_t size;
  std::unique_ptr<std::uint8_t[]> data;
};

void read_body(const wire::Message& message, Bytes body) {
  const Exact exact(body);
  test::body_fits(message.body, exact.view());
  if (message.body == "e") {
    const wire::ErrorView view = wire::read_error(exact.view());
    require(view.message.size() + view.sqlstate.size() <= body.size());
  }
}

struct Message {
  std::uint8_t tag;
  std::string body;
  bool operator==(const Message&) const = default;
};

/// Takes a stream in pieces, as a session does, and remembers what came out.
class Reader {
 public:
  explicit Reader(Origin side) : side_(side) {}

  void feed(Bytes bytes) {
    if (end_ != Peek::ok && end_ != Peek::more) return;
    buffer_ += as_text(bytes);
    const Exact exact(as_bytes(buffer_));
    Bytes rest = exact.view();
    wire::Header header;
    while ((end_ = wire::peek(side_, rest, header)) == Peek::ok) {
      if (rest.size() < header.total()) break;
      take(header, rest.subspan(wire::header_size, header.body));
      rest = rest.subspan(header.total());
    }
    buffer_.erase(0, buffer_.size() - rest.size());
    if (end_ == Peek::unknown || end_ == Peek::length) buffer_.clear();  // a session ends here
  }
  bool operator==(const Reader&) const = default;
  const std::vector<Message>& messages() const { return messages_; }
  bool clean() const { return buffer_.empty(); }

 private:
  void take(const wire::Header& header, Bytes body) {
    read_body(*wire::find(side_, header.tag), body);
    messages_.push_back({header.tag, std::string(as_text(body))});
  }
  Origin side_;
  Peek end_ = Peek::more;
  std::string buffer_;
  std::vector<Message> messages_;
};

void cut_anywhere(Origin side, Bytes stream, test::Choices cuts) {
  Reader whole(side), parts(side);
  whole.feed(stream);
  Bytes rest = stream;
  while (!rest.empty()) {
    const std::size_t size = cuts.empty() ? rest.size() : cuts.next() % (rest.size() + 1);
    parts.feed(rest.first(size));
    rest = rest.subspan(size);
  }
  // An empty piece changes nothing.
  parts.feed({});
  require(whole == parts || stream.empty());
}

void write_and_read(Origin side, Bytes seed) {
  test::Choices choices(seed);
  std::string stream;
  std::vector<const wire::Message*> written;
  while (!choices.empty() && written.size() < 64) {
    const wire::Message& message = wire::messages[choices.next() % std::size(wire::messages)];
    if (message.origin != side && message.origin != Origin::both) continue;
    const std::size_t start = stream.size();
    test::write_message(stream, message, choices);
    require(stream.size() - start <= wire::header_size + message.max_body);
    written.push_back(&message);
  }
  Reader reader(side);
  reader.feed(as_bytes(stream));
  require(reader.clean() && reader.messages().size() == written.size());
  for (std::size_t i = 0; i < written.size(); ++i) {
    const Message& read = reader.messages()[i];
    require(read.tag == static_cast<std::uint8_t>(written[i]->tag));
    require(test::body_fits(written[i]->body, as_bytes(read.body)));
  }
  cut_anywhere(side, as_bytes(stream), test::Choices(seed));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 8 || size > 1 << 14) return 0;
  const Bytes input(data, size);
  const Origin side = input[0] & 1 ? Origin::client : Origin::server;
  const test::Choices cuts(input.subspan(1, 7));
  if (input[0] & 2) {
    write_and_read(side, input.subspan(1));
  } else {
    cut_anywhere(side, input.subspan(8), cuts);
  }
  return 0;
}
