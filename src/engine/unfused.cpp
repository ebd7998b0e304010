#include "engine/unfused.h"

#include <array>
#include <future>

#include "base/statistics.h"
#include "engine/compiled_plan.h"

namespace smol {
namespace {

using Clock = std::chrono::steady_clock;

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

std::vector<Operator> operators_of(const PhysicalPipeline& pipeline) {
  std::vector<Operator> operators;
  for (const PhysicalStep& step : pipeline.host_steps) {
    if (const auto* fused = std::get_if<FusedStep>(&step)) {
      operators.insert(operators.end(), fused->operators.begin(), fused->operators.end());
    } else {
      operators.push_back(std::get<SingleStep>(step).op);
    }
  }
  operators.insert(operators.end(), pipeline.device_operators.begin(), pipeline.device_operators.end());
  return operators;
}

bool is_geometry(const Operator& op) {
  return !std::holds_alternative<ConvertOp>(op) && !std::holds_alternative<NormalizeOp>(op) &&
         !std::holds_alternative<LayoutOp>(op);
}

// Prefixes of the naive pipeline, each ending in a tensor: geometry; then conversion and normalisation; then layout.
Result<std::array<std::unique_ptr<Preprocessor>, 3>> make_prefixes(const std::vector<Operator>& operators) {
  std::array<std::unique_ptr<Preprocessor>, 3> prefixes;
  for (std::size_t stage = 0; stage < prefixes.size(); ++stage) {
    PhysicalPipeline pipeline;
    pipeline.decode.format = PixelFormat::kRgb8;
    bool converts = false, lays_out = false;
    for (const Operator& op : operators) {
      const bool layout = std::holds_alternative<LayoutOp>(op);
      if (!is_geometry(op) && (stage == 0 || (stage == 1 && layout))) continue;
      converts |= std::holds_alternative<ConvertOp>(op);
      lays_out |= layout;
      pipeline.host_steps.emplace_back(SingleStep{op});
    }
    if (!converts) pipeline.host_steps.emplace_back(SingleStep{ConvertOp{DType::kU8}});
    if (!lays_out) pipeline.host_steps.emplace_back(SingleStep{LayoutOp{Layout::kNHWC}});
    SMOL_ASSIGN_OR_RETURN(prefixes[stage], create_preprocessor(pipeline));
  }
  return prefixes;
}

struct Slot {
  std::vector<std::uint8_t> memory;
  TensorSlot tensor;
  explicit Slot(const OutputSpec& output)
      : tensor{nullptr, output.dtype, output.layout, output.color, output.width, output.height} {
    memory.resize(tensor.size_bytes() + 64);
    tensor.data = memory.data();
  }
};

}  // namespace

Result<std::optional<double>> measure_transfer(CompiledPlan& plan, int repeats) {
  if (!plan.state().separate_memory) return std::optional<double>{};
  ModelInstance& instance = *plan.state().instance;
  std::vector<double> samples;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    std::promise<Result<InferTiming>> done;
    instance.submit(0, instance.batch(), [&done](Result<InferTiming> timing) { done.set_value(std::move(timing)); });
    SMOL_ASSIGN_OR_RETURN(const InferTiming timing, done.get_future().get());
    samples.push_back(timing.transfer_us / instance.batch());
  }
  return std::optional<double>{median(samples)};
}

Result<UnfusedCosts> measure_unfused(const Runtime& runtime, const Plan& plan, Source& source, int repeats,
                                     const DecodeLimits& limits) {
  PreprocessOptions options;
  options.limits = limits;
  SMOL_ASSIGN_OR_RETURN(const auto prefixes, make_prefixes(operators_of(plan.pipeline)));
  SMOL_ASSIGN_OR_RETURN(const std::unique_ptr<Preprocessor> fused, create_preprocessor(plan.pipeline));
  std::array<Slot, 3> slots{Slot(prefixes[0]->output()), Slot(prefixes[1]->output()), Slot(prefixes[2]->output())};
  Slot fused_slot(fused->output());
  std::array<std::vector<double>, 6> samples;  // read, decode, prefixes, fused
  std::vector<std::uint8_t> bytes;
  Image picture;
  Error last{ErrorCode::kNotFound, "there is no item to measure"};
  std::int64_t items = 0;
  for (auto item = source.next(); item.ok() && *item; item = source.next()) {
    Clock::time_point start = Clock::now();
    if (Status got = read_item(**item, bytes); !got.ok()) {
      last = std::move(got).error();
      continue;
    }
    samples[0].push_back(microseconds_since(start));
    const Codec* codec = runtime.codecs.sniff(bytes);
    if (codec == nullptr) continue;
    const std::unique_ptr<Decoder> decoder = codec->create_decoder();
    const Result<ImageHeader> header = decoder->probe(bytes);
    if (!header.ok()) continue;
    ++items;
    for (int repeat = 0; repeat < repeats; ++repeat) {
      DecodeRequest request;
      request.format = PixelFormat::kRgb8;
      request.limits = limits;
      start = Clock::now();
      if (auto decoded = decode_to_image(*decoder, bytes, request, picture); !decoded.ok()) {
        last = std::move(decoded).error();
        break;
      }
      samples[1].push_back(microseconds_since(start));
      for (std::size_t stage = 0; stage < prefixes.size(); ++stage) {
        start = Clock::now();
        SMOL_RETURN_IF_ERROR(prefixes[stage]->run(picture.view(), header->orientation, {}, slots[stage].tensor));
        samples[2 + stage].push_back(microseconds_since(start));
      }
      start = Clock::now();
      if (auto report = fused->run(*decoder, bytes, *header, options, fused_slot.tensor); !report.ok())
        return std::move(report).error();
      samples[5].push_back(microseconds_since(start));
    }
  }
  if (samples[5].empty()) return last;
  UnfusedCosts costs;
  costs.items = items;
  costs.read_us = winsorised_mean(samples[0]);
  costs.decode_us = winsorised_mean(samples[1]);
  costs.resize_crop_us = winsorised_mean(samples[2]);
  costs.convert_normalize_us = std::max(0.0, winsorised_mean(samples[3]) - costs.resize_crop_us);
  costs.layout_us = std::max(0.0, winsorised_mean(samples[4]) - winsorised_mean(samples[3]));
  costs.fused_us = winsorised_mean(samples[5]);
  return costs;
}

}  // namespace smol
