#include "engine/compiled_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/digest.h"
#include "base/thread_budget.h"
#include "engine/memory_budget.h"

namespace smol {
namespace {

// Batch buffers: two for each stream and one being filled, so that workers do not wait for a stream that is a little late
// (paper §6.1, over-allocation), less when they would take more than half of the memory budget.
Result<int> count_slots(const Plan& plan, const OutputSpec& picture, int streams, const RunOptions& options) {
  int slots = plan.shape.slots > 0 ? plan.shape.slots : 2 * streams + 1;
  if (!options.ablation.over_allocation) slots = streams;
  if (!options.ablation.pipelining) slots = 1;
  const TensorSlot one{nullptr, picture.dtype, picture.layout, picture.color, picture.width, picture.height};
  const auto slot_bytes = static_cast<std::int64_t>(one.size_bytes()) * plan.shape.batch;
  const std::int64_t limit = memory_limit(options);
  if (slot_bytes > limit) {
    return Error{ErrorCode::kOutOfMemory,
                 fmt::format("one batch of {} pictures needs {} bytes, the memory budget is {} bytes; raise --memory "
                             "or plan a smaller batch",
                             plan.shape.batch, slot_bytes, limit)};
  }
  return static_cast<int>(std::clamp<std::int64_t>(limit / 2 / slot_bytes, 1, slots));
}

int count_streams(const ExecutionShape& shape, int cores) {
  if (shape.streams > 0) return shape.streams;
  return shape.latency ? 1 : cores;
}

Status check_input(const ModelCard& card, const ModelInstance& instance, const OutputSpec& picture) {
  if (instance.inputs().size() != 1) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("the model has {} inputs, pictures fill exactly one: {}", instance.inputs().size(), card.name)};
  }
  const TensorSpec& input = instance.inputs().front();
  const std::int64_t channels = picture.color == ColorOrder::kGray ? 1 : 3;
  const Shape wanted = picture.layout == Layout::kNCHW ? Shape{instance.batch(), channels, picture.height, picture.width}
                                                       : Shape{instance.batch(), picture.height, picture.width, channels};
  if (input.shape != wanted || input.dtype != picture.dtype) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("preprocessing writes {} {}, the model's input '{}' is {} {}; correct the card of {}",
                             name_of(picture.dtype), to_string(wanted), input.name, name_of(input.dtype),
                             to_string(input.shape), card.name)};
  }
  return {};
}

// Which codec reads an item is known only once it is read, so all count.
std::string describe_versions(const Runtime& runtime, const Backend& backend) {
  std::string text = fmt::format("{} {}", backend.name(), backend.description());
  for (const auto& codec : runtime.codecs.codecs()) text += fmt::format("|{} {}", codec->name(), codec->description());
  return digest_of(text);
}

}  // namespace

CompiledPlan::CompiledPlan(std::unique_ptr<State> state) : state_(std::move(state)) {}
CompiledPlan::CompiledPlan(CompiledPlan&&) noexcept = default;
CompiledPlan& CompiledPlan::operator=(CompiledPlan&&) noexcept = default;
CompiledPlan::~CompiledPlan() = default;
const Plan& CompiledPlan::plan() const { return state_->plan; }
const ModelCard& CompiledPlan::card() const { return state_->card; }

Result<CompiledPlan> compile(const Runtime& runtime, const Plan& plan, const RunOptions& options) {
  auto state = std::make_unique<CompiledPlan::State>();
  state->plan = plan;
  state->fail_on = options.fail_on;
  state->background = options.background;
  SMOL_ASSIGN_OR_RETURN(state->card, load_model_card(plan.model, runtime.user_operators));
  SMOL_RETURN_IF_ERROR(verify(plan, state->card));
  if (state->card.max_batch > 0) state->plan.shape.batch = std::min(plan.shape.batch, state->card.max_batch);
  SMOL_ASSIGN_OR_RETURN(const Backend* backend, runtime.backends.find(plan.backend));
  state->versions = describe_versions(runtime, *backend);
  SMOL_ASSIGN_OR_RETURN(state->picture, verify(plan.pipeline));
  const int cores = available_cores();
  state->shares_host_cores = backend->capabilities().shares_host_cores;
  state->separate_memory = backend->capabilities().separate_memory;
  state->host_workers = options.ablation.threading ? (plan.shape.host_workers > 0 ? plan.shape.host_workers : cores) : 1;
  state->streams = options.ablation.threading ? count_streams(plan.shape, cores) : 1;
  SMOL_ASSIGN_OR_RETURN(state->slots, count_slots(state->plan, state->picture, state->streams, options));

  CompileOptions compile;
  compile.model_path = state->card.path;
  compile.precision = plan.precision;
  compile.batch = state->plan.shape.batch;
  compile.streams = state->streams;
  compile.threads_per_stream = plan.shape.latency ? 0 : plan.shape.threads_per_stream;  // 0: they share all cores
  compile.latency_hint = plan.shape.latency;
  compile.pin_threads = plan.shape.pin_threads;
  compile.pinned_memory = options.ablation.pinning;
  compile.device_operators = plan.pipeline.device_operators;
  compile.host_output = state->picture;
  compile.config_path = state->card.backend_config;
  {
    std::optional<LongTimeSlices> slices;  // for the threads that a backend on the host's cores starts
    if (state->shares_host_cores) slices.emplace();
    SMOL_ASSIGN_OR_RETURN(state->instance, backend->compile(compile, state->slots));
  }
  SMOL_RETURN_IF_ERROR(check_input(state->card, *state->instance, state->picture));
  SMOL_ASSIGN_OR_RETURN(state->head, create_task_head(state->card, state->instance->outputs()));
  return CompiledPlan(std::move(state));
}

}  // namespace smol
