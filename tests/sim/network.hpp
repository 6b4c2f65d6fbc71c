// Virtual duplex wires that keep the contract of base/stream.hpp, and hold their users to it.
//
// Bytes take time, come in pieces of any size, and are held back when the reader is slow: a wire
// takes only so many (the kernel's buffer), the rest is the writer's backlog. Handlers are called
// from scheduler events only.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "judge.hpp"
#include "random.hpp"
#include "scheduler.hpp"

namespace heim::sim {

class Endpoint;
class Network;

/// How good the wires are. A world draws one of these from its seed.
struct Quality {
  Duration latency_min = microseconds(5), latency_max = microseconds(200);
  std::uint64_t bytes_per_second = 1u << 30;
  std::size_t kernel_buffer = 64 << 10;
  std::uint32_t split_percent = 20;  // how often bytes arrive in pieces
};

/// What an accepting party is.
class Listener {
 public:
  virtual ~Listener() = default;
  /// Must give the stream a handler at once.
  virtual void on_accept(Endpoint& stream) = 0;
};

/// What happens to connection attempts at an address.
enum class Door { open, refuse, black_hole };

/// A machine on the network: the Transport of whoever runs there.
class Host final : public Transport {
 public:
  Host(Network& network, std::string name) : network_(network), name_(std::move(name)) {}
  Stream* connect(const Target& target, StreamHandler& handler) override;
  void adopt(Stream& stream, StreamHandler& handler) override;
  bool can_serve_tls() const override { return serves_tls_; }
  std::string endpoint_hash() const override { return serves_tls_ ? "hash of " + name_ : ""; }

  Endpoint* connect_endpoint(const Target& target, StreamHandler& handler);
  const std::string& name() const { return name_; }
  void set_serves_tls(bool on) { serves_tls_ = on; }
  /// A partitioned host hears nothing and is not heard; bytes wait. See Network::partition().
  bool partitioned() const { return partitioned_; }
  /// Its processes are stopped: connections are taken, bytes wait, and nothing answers.
  bool frozen() const { return frozen_; }

 private:
  friend class Network;
  Network& network_;
  std::string name_;
  bool serves_tls_ = false;
  bool partitioned_ = false;
  bool frozen_ = false;
};

class Network {
 public:
  Network(Scheduler& scheduler, Judge& judge, Random random, const Quality& quality);
  ~Network();

  Host& host(const std::string& name);  // made when first asked for
  void listen(const std::string& host, std::uint16_t port, Listener& listener);
  void set_door(const std::string& host, std::uint16_t port, Door door);
  void partition(const std::string& host, bool on);
  void freeze(const std::string& host, bool on);
  /// Cuts every wire between two hosts.
  void reset_between(const std::string& host, const std::string& other);
  /// Cuts every wire of a host, as a crash of the machine does.
  void reset_all(const std::string& host);
  /// Streams that were made and not yet closed by their owners.
  std::size_t open_count() const;
  const std::vector<std::unique_ptr<Endpoint>>& endpoints() const { return endpoints_; }

  Scheduler& scheduler() { return scheduler_; }
  Judge& judge() { return judge_; }
  Random& random() { return random_; }
  const Quality& quality() const { return quality_; }

 private:
  friend class Host;
  struct Address {
    Listener* listener = nullptr;
    Door door = Door::open;
  };
  Endpoint* connect(Host& from, const Target& target, StreamHandler& handler);
  void arrive(Endpoint& end, const std::string& address, Duration timeout);
  Endpoint& make(Host& host, const std::string& peer_name);
  Scheduler& scheduler_;
  Judge& judge_;
  Random random_;
  Quality quality_;
  std::map<std::string, std::unique_ptr<Host>> hosts_;
  std::map<std::string, Address> addresses_;
  // Ended ones stay until the end of the world, so that a use after close is seen rather than
  // undefined.
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
};

}  // namespace heim::sim
