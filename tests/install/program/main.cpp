// The same by heimproxy.hpp. It has a palloc() of its own, as the library has: they do not meet.
#include <cstdio>
#include <heimproxy/heimproxy.hpp>

extern "C" void* palloc(std::size_t) { return nullptr; }

int main() {
  heimproxy::Proxy proxy(heimproxy::Config::text(
      R"({"proxy": {"listen_address": []}, "nodes": [{"host": "127.0.0.1"}]})"));
  proxy.start();
  std::printf("C++ %s\n", palloc(1) ? "" : heim_version_string());
}
