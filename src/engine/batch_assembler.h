#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

#include "smol/backend.h"
#include "smol/session.h"

namespace smol {

/// One picture's place in a batch. Between lease() and commit() or abandon() the place belongs to the leaser.
struct SlotLease {
  int slot = -1;
  int position = 0;
  TensorSlot tensor;
};

/// Fills the slots of a model instance with pictures and submits full batches.
///
/// Life of a slot: free -> open (places are leased) -> sealed (by count, age or end) -> in flight (all places committed or
/// abandoned) -> completed (rows and outputs are read) -> free by release(). Places abandoned while the batch is open are
/// leased again; those abandoned later stay empty. Rows travel with their place, so the order of items does not matter.
/// Thread-safe.
class BatchAssembler {
 public:
  /// `on_complete(slot, result)` runs on a backend thread, once for every submitted batch; it may only enqueue.
  using CompletionHandler = std::function<void(int slot, Result<InferTiming>)>;

  /// `num_slots` <= instance.num_slots() are used; `streams` batches are served at once.
  BatchAssembler(ModelInstance& instance, const OutputSpec& picture, int num_slots, int streams,
                 CompletionHandler on_complete);

  /// Waits for a free place. kCancelled when `stop` is requested first.
  Result<SlotLease> lease(const std::stop_token& stop);
  /// The place holds a picture; `row` comes back with the batch.
  void commit(const SlotLease& lease, Row row);
  void abandon(const SlotLease& lease);

  /// Submits the open batch however full it is (deadline: only when it is older than that).
  void seal(std::chrono::steady_clock::duration older_than = {});
  /// Rows of a completed batch by place; places without a picture have no value.
  [[nodiscard]] std::vector<std::optional<Row>>& rows(int slot) { return batches_[slot].rows; }
  /// Microseconds a picture waited for its batch to be full, or sealed: from its commit to the submission.
  [[nodiscard]] double batch_wait_us(int slot, int position) const;
  /// Microseconds the batch waited for a free stream: submitted, but behind others.
  [[nodiscard]] double queue_us(int slot) const { return batches_[slot].queue_us; }
  [[nodiscard]] std::vector<TensorView> outputs(int slot) { return instance_.output_tensors(slot); }
  /// The batch has been read: its slot is free again.
  void release(int slot);

  /// Waits until no batch is in flight or unread. Call after seal() when nobody leases any more.
  void wait_until_idle();

  [[nodiscard]] double lease_wait_seconds() const;
  /// Seconds without any inference in flight since construction.
  [[nodiscard]] double idle_seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Batch {
    enum class State { kFree, kOpen, kSealed, kSubmitted } state = State::kFree;
    int next_position = 0;
    int outstanding = 0;  ///< leased places, neither committed nor abandoned
    int num_valid = 0;
    std::vector<int> returned;  ///< places abandoned while open
    std::vector<std::optional<Row>> rows;
    std::vector<Clock::time_point> committed_at;  ///< by place
    std::vector<std::uint8_t*> inputs;
    Clock::time_point opened_at, submitted_at;
    double queue_us = 0;
  };

  // All need the lock.
  bool take_place(SlotLease& lease);
  [[nodiscard]] int find_free() const;
  [[nodiscard]] bool is_ready(const Batch& batch) const {
    return batch.state == Batch::State::kSealed && batch.outstanding == 0;
  }
  // Submits or frees a batch that is_ready(); releases and leaves the lock.
  void finish_batch(std::unique_lock<std::mutex> lock, int slot);
  void note_completion(Batch& batch);

  ModelInstance& instance_;
  const int batch_size_;
  TensorSlot prototype_;
  CompletionHandler on_complete_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Batch> batches_;
  int open_ = -1;
  int in_flight_ = 0, busy_ = 0;                   ///< submitted and not completed; not free
  std::vector<Clock::time_point> stream_free_at_;  ///< by stream: when it ended its last batch
  double lease_wait_seconds_ = 0, idle_seconds_ = 0;
  Clock::time_point idle_since_ = Clock::now();
};

/// A leased place that is abandoned unless it is committed, also when an exception passes.
class SlotGuard {
 public:
  SlotGuard(BatchAssembler& assembler, const SlotLease& lease) : assembler_(&assembler), lease_(lease) {}
  SlotGuard(SlotGuard&& other) noexcept : assembler_(std::exchange(other.assembler_, nullptr)), lease_(other.lease_) {}
  SlotGuard& operator=(SlotGuard&&) = delete;
  ~SlotGuard() { abandon(); }
  void commit(Row row) { std::exchange(assembler_, nullptr)->commit(lease_, std::move(row)); }
  void abandon() {
    if (BatchAssembler* assembler = std::exchange(assembler_, nullptr)) assembler->abandon(lease_);
  }

 private:
  BatchAssembler* assembler_;
  SlotLease lease_;
};

}  // namespace smol
