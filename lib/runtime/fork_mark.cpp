#include "runtime/fork_mark.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace heim::runtime {
namespace {

constexpr std::size_t page_bytes = 4096;

}  // namespace

ForkMark::ForkMark() noexcept : process_(::getpid()) {
  void* page =
      ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  if (::madvise(page, page_bytes, MADV_WIPEONFORK) != 0) {
    ::munmap(page, page_bytes);
    return;
  }
  page_ = new (page) std::atomic<std::uint32_t>(1);
}

ForkMark::~ForkMark() {
  if (page_) ::munmap(page_, page_bytes);
}

bool ForkMark::is_foreign() const noexcept {
  if (page_) return page_->load(std::memory_order_relaxed) == 0;
  return ::getpid() != process_;
}

}  // namespace heim::runtime
