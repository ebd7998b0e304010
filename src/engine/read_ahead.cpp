#include "engine/read_ahead.h"

#include <fmt/format.h>

#include "base/thread_budget.h"

namespace smol {
namespace {

// Enough to keep reading while workers take several at once; generators are not asked for more.
constexpr std::size_t kEntriesPerThread = 8;

}  // namespace

Status read_whole(Source& source, const Item& item, std::vector<std::uint8_t>& bytes, float& microseconds) {
  const auto start = std::chrono::steady_clock::now();
  SMOL_RETURN_IF_ERROR(source.read_range(item, 0, Source::kToTheEnd, bytes));
  microseconds = std::chrono::duration<float, std::micro>(std::chrono::steady_clock::now() - start).count();
  return {};
}

ReadAhead::ReadAhead(RunState& run, int num_threads, std::int64_t max_bytes)
    : run_(run),
      entries_(static_cast<std::size_t>(num_threads) * kEntriesPerThread, static_cast<std::size_t>(max_bytes)),
      reading_(num_threads),
      on_stop_(run.stop.get_token(), [this] { entries_.close(); }) {
  for (int i = 0; i < num_threads; ++i) {
    threads_.emplace_back([this, i] {
      name_this_thread(fmt::format("smol-read-{}", i));
      work();
      if (reading_.fetch_sub(1) == 1) entries_.close();
    });
  }
}

ReadAhead::~ReadAhead() { entries_.close(); }

void ReadAhead::work() {
  while (!run_.stop.stop_requested()) {
    Entry entry;
    if (Status taken = run_.next_unit(entry.unit); !taken.ok()) return run_.fail(std::move(taken).error());
    if (entry.unit.items.empty()) return;
    const Item& item = entry.unit.items.front();
    try {
      if (must_be_read(item) && !run_.is_done(item))
        entry.status = read_whole(run_.source, item, entry.bytes, entry.read_us);
    } catch (const std::bad_alloc&) {
      entry.status = Error{ErrorCode::kOutOfMemory, "not enough memory to read this item", Stage::kRead};
    }
    const std::size_t weight = sizeof(Entry) + entry.bytes.capacity();
    if (!entries_.push(std::move(entry), weight)) return;
  }
}

}  // namespace smol
