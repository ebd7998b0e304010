#include "engine/collector.h"

#include <algorithm>

namespace smol {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kRowsPerWrite = 256;

float& stage_of(Row& row, Stage stage) { return row.stage_us[static_cast<std::size_t>(stage)]; }

std::size_t bytes_of(const Row& row) {
  const Prediction& answer = row.prediction;
  return sizeof(Row) + row.item.capacity() + row.region.capacity() + row.fingerprint.capacity() +
         answer.top_labels.capacity() * sizeof(int) +
         (answer.top_scores.capacity() + answer.values.capacity()) * sizeof(float) +
         answer.boxes.capacity() * sizeof(Prediction::Box);
}

}  // namespace

void Collector::work() {
  constexpr std::chrono::milliseconds kLeastWait{1};
  while (!run_.events.drained()) {
    // Rows do not wait for later ones when the source stalls.
    std::optional<Event> event = run_.events.pop_for(std::max(run_.options.max_row_delay, kLeastWait));
    if (event && event->row) {
      deliver(*std::move(event->row));
    } else if (event && event->skipped_ticket >= 0) {
      skipped_.insert(event->skipped_ticket);
    } else if (event) {
      read_batch(*event);
    }
    flush(false);
  }
  flush(true);
  run_.rows.close();
}

void Collector::read_batch(const Event& event) {
  BatchAssembler& assembler = *run_.assemblers[event.plan];
  const CompiledPlan::State& plan = *run_.plans[event.plan];
  const std::vector<TensorView> outputs = assembler.outputs(event.slot);
  std::vector<std::optional<Row>>& places = assembler.rows(event.slot);
  std::size_t valid = 0;
  for (const std::optional<Row>& place : places) valid += place.has_value() ? 1 : 0;
  for (std::size_t index = 0; index < places.size(); ++index) {
    if (!places[index]) continue;
    Row row = *std::move(places[index]);
    const Clock::time_point start = Clock::now();
    stage_of(row, Stage::kBatchWait) = static_cast<float>(assembler.batch_wait_us(event.slot, static_cast<int>(index)));
    if (!event.result->ok()) {
      row.error = event.result->error();
      if (row.error->stage == Stage::kNone) row.error->stage = Stage::kInfer;
    } else {
      stage_of(row, Stage::kTransfer) = static_cast<float>((*event.result)->transfer_us / static_cast<double>(valid));
      const double queue_us = assembler.queue_us(event.slot);
      stage_of(row, Stage::kQueue) = static_cast<float>(queue_us);
      stage_of(row, Stage::kInfer) =
          static_cast<float>(std::max(0.0, (*event.result)->infer_us - queue_us) / static_cast<double>(valid));
      if (Status read = plan.head->read(outputs, static_cast<int>(index), row.prediction); !read.ok()) {
        row.error = std::move(read).error();
        row.error->stage = Stage::kPostprocess;
      }
    }
    stage_of(row, Stage::kPostprocess) = std::chrono::duration<float, std::micro>(Clock::now() - start).count();
    deliver(std::move(row));
  }
  assembler.release(event.slot);
}

void Collector::deliver(Row row) {
  // An item that fails half-way may answer twice for a region.
  if (run_.options.ordered && (row.ticket < next_ticket_ || waiting_.contains(row.ticket))) return;
  ++num_rows_;
  if (row.error) {
    ++errors_by_code_[std::string(name_of(row.error->code))];
  } else {
    for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
      if (row.stage_us[stage] > 0) stages_[stage].add(row.stage_us[stage]);
    }
  }
  if (run_.options.ordered) {
    run_.held_rows.change(static_cast<std::int64_t>(bytes_of(row)));
    const std::int64_t ticket = row.ticket;
    waiting_.insert_or_assign(ticket, std::move(row));
  } else {
    ready_.push_back(std::move(row));
  }
}

void Collector::flush(bool everything) {
  for (;;) {
    if (skipped_.erase(next_ticket_) > 0) {
      ++next_ticket_;
      continue;
    }
    const auto first = waiting_.begin();
    // Tickets of interrupted items never come; their successors wait for the end of the run.
    if (first == waiting_.end() || (!everything && first->first != next_ticket_)) break;
    next_ticket_ = first->first + 1;
    run_.held_rows.change(-static_cast<std::int64_t>(bytes_of(first->second)));
    ready_.push_back(std::move(first->second));
    waiting_.erase(first);
  }
  const auto may_wait = [&] {
    return ready_.size() < kRowsPerWrite && Clock::now() - last_flush_ < run_.options.max_row_delay;
  };
  if (ready_.empty() || (!everything && may_wait())) return;
  last_flush_ = Clock::now();
  std::size_t bytes = 0;
  for (const Row& row : ready_) bytes += bytes_of(row);
  run_.rows.push(std::move(ready_), bytes);
  ready_.clear();
}

}  // namespace smol
