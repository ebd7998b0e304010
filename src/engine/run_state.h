#pragma once
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "engine/batch_assembler.h"
#include "engine/bounded_queue.h"
#include "engine/compiled_plan.h"
#include "engine/memory_budget.h"
#include "smol/session.h"

namespace smol {

/// A batch that came back from inference, a row that needs none (an error), or a ticket that is skipped.
struct Event {
  int plan = -1;  ///< index of the plan whose batch this is; -1: `row` stands alone
  int slot = -1;
  std::optional<Result<InferTiming>> result{};
  std::optional<Row> row{};
  std::int64_t skipped_ticket = -1;  ///< ordered output: this ticket will have no row
};

class ReadAhead;

/// Items that one worker decodes together (Source::next_unit()); empty at the source's end.
struct WorkUnit {
  std::vector<Item> items;
  std::vector<std::int64_t> tickets;  ///< of each item, the first of its regions and plans
};

/// Bytes of rows that wait for an earlier one (ordered output). Where they are many, no further items are taken; items that
/// were taken before go on, among them the one that all wait for. Thread-safe.
class HeldRows {
 public:
  explicit HeldRows(std::int64_t max_bytes) : max_bytes_(max_bytes) {}

  void change(std::int64_t bytes) {
    {
      const std::scoped_lock lock(mutex_);
      bytes_ += bytes;
      peak_bytes_ = std::max(peak_bytes_, bytes_);
    }
    if (bytes < 0) changed_.notify_all();
  }
  void wait_for_room(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [&] { return has_room(); });
  }
  [[nodiscard]] bool full() const {
    const std::scoped_lock lock(mutex_);
    return !has_room();
  }
  [[nodiscard]] std::int64_t peak_bytes() const {
    const std::scoped_lock lock(mutex_);
    return peak_bytes_;
  }

 private:
  // The other half is for rows of items that are on their way.
  [[nodiscard]] bool has_room() const { return bytes_ <= max_bytes_ / 2; }

  const std::int64_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::int64_t bytes_ = 0, peak_bytes_ = 0;
};

/// What the threads of one run share. Made before they start, destroyed after they ended.
struct RunState {
  RunState(const Runtime& given_runtime, Source& given_source, Sink& given_sink, const RunOptions& given_options)
      : runtime(given_runtime),
        source(given_source),
        sink(given_sink),
        options(given_options),
        rows(64, static_cast<std::size_t>(memory_limit(given_options) / kRowsShare)),
        held_rows(memory_limit(given_options) / kRowsShare) {}

  const Runtime& runtime;
  Source& source;
  Sink& sink;
  const RunOptions& options;
  std::vector<CompiledPlan::State*> plans;

  std::stop_source stop;  ///< requested by the caller, by a failed sink or by the failure budget
  std::vector<std::unique_ptr<BatchAssembler>> assemblers;  ///< one a plan
  BoundedQueue<Event> events{1024};                         ///< workers and backends -> collector
  static constexpr std::int64_t kRowsShare = 16;            ///< of the memory budget, one part is for rows
  BoundedQueue<std::vector<Row>> rows;                      ///< collector -> writer, bounded in bytes, too
  HeldRows held_rows;                                       ///< in the collector, of ordered output
  std::int64_t read_ahead_peak_bytes = 0;                   ///< set when reading has ended
  ReadAhead* read_ahead = nullptr;                          ///< where workers get items from; null: from the source
  std::unique_ptr<MemoryBudget> memory;                     ///< what workers may take for pictures

  std::atomic<std::int64_t> items{0}, skipped{0}, failed_items{0}, decodes{0}, thumbnails{0}, thumbnail_fallbacks{0};
  std::atomic<std::int64_t> earlier_failed_items{0};                       ///< of the skipped ones
  std::array<std::atomic<std::int64_t>, kNumErrorCodes> earlier_errors{};  ///< rows of an earlier run, by code

  /// Takes the next items and their tickets together, so that tickets follow the source's order.
  Status next_unit(WorkUnit& unit) {
    if (options.ordered) held_rows.wait_for_room(stop.get_token());
    std::scoped_lock lock(source_mutex_);
    SMOL_RETURN_IF_ERROR(source.next_unit(unit.items));
    unit.tickets.clear();
    for (const Item& item : unit.items) {
      unit.tickets.push_back(next_ticket_);
      next_ticket_ += static_cast<std::int64_t>(std::max<std::size_t>(1, item.regions.size()) * plans.size());
    }
    return {};
  }
  /// Whether the sink has all rows of an item from an earlier run.
  [[nodiscard]] bool is_done(const Item& item) const {
    const std::string fingerprint = fingerprint_of(item);
    for (std::size_t region = 0; region < std::max<std::size_t>(1, item.regions.size()); ++region) {
      const std::string_view name = item.regions.empty() ? std::string_view{} : item.regions[region].name;
      const std::string content = region_fingerprint(fingerprint, item, region);
      for (std::size_t plan = 0; plan < plans.size(); ++plan) {
        if (!sink.has(item.id, name, content, static_cast<int>(plan))) return false;
      }
    }
    return true;
  }
  [[nodiscard]] std::int64_t num_tickets() {
    std::scoped_lock lock(source_mutex_);
    return next_ticket_;
  }

  /// The first failure that ends the run; later ones are its consequences.
  void fail(Error error) {
    {
      std::scoped_lock lock(failure_mutex_);
      if (!failure_) failure_ = std::move(error);
    }
    stop.request_stop();
  }
  [[nodiscard]] std::optional<Error> failure() {
    std::scoped_lock lock(failure_mutex_);
    return failure_;
  }

 private:
  std::mutex source_mutex_, failure_mutex_;
  std::int64_t next_ticket_ = 0;
  std::optional<Error> failure_;
};

}  // namespace smol
