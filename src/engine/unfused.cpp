#include "engine/unfused.h"

#include <array>
#include <future>

#include "base/statistics.h"
#include "engine/compiled_plan.h"
#include "engine/frame_access.h"

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

/// Runs the steps of a naive pipeline one after the other, and the fused one, with a clock.
class StepClock {
 public:
  StepClock(const PhysicalPipeline& pipeline, int repeats, const DecodeLimits& limits)
      : pipeline_(pipeline), repeats_(repeats) {
    options_.limits = limits;
  }
  Status prepare() {
    SMOL_ASSIGN_OR_RETURN(prefixes_, make_prefixes(operators_of(pipeline_)));
    SMOL_ASSIGN_OR_RETURN(fused_, create_preprocessor(pipeline_));
    for (const auto& prefix : prefixes_) slots_.emplace_back(prefix->output());
    slots_.emplace_back(fused_->output());
    return {};
  }

  void add_read(double microseconds) { samples_[0].push_back(microseconds); }
  /// `frame_us`: what a video's frame took before it was lent.
  Status add(Decoder& decoder, ByteView bytes, const ImageHeader& header, double frame_us) {
    ++num_items_;
    for (int repeat = 0; repeat < repeats_; ++repeat) {
      DecodeRequest request;
      request.format = PixelFormat::kRgb8;
      request.limits = options_.limits;
      Clock::time_point start = Clock::now();
      if (auto decoded = decode_to_image(decoder, bytes, request, picture_); !decoded.ok()) return decoded.error();
      samples_[1].push_back(frame_us + microseconds_since(start));
      for (std::size_t stage = 0; stage < prefixes_.size(); ++stage) {
        start = Clock::now();
        SMOL_RETURN_IF_ERROR(prefixes_[stage]->run(picture_.view(), header.orientation, {}, slots_[stage].tensor));
        samples_[2 + stage].push_back(microseconds_since(start));
      }
      start = Clock::now();
      if (auto report = fused_->run(decoder, bytes, header, options_, slots_.back().tensor); !report.ok())
        return report.error();
      samples_[5].push_back(frame_us + microseconds_since(start));
    }
    return {};
  }
  [[nodiscard]] std::optional<UnfusedCosts> costs() const {
    if (samples_[5].empty()) return std::nullopt;
    UnfusedCosts costs;
    costs.items = num_items_;
    costs.read_us = samples_[0].empty() ? 0 : winsorised_mean(samples_[0]);
    costs.decode_us = winsorised_mean(samples_[1]);
    costs.resize_crop_us = winsorised_mean(samples_[2]);
    costs.convert_normalize_us = std::max(0.0, winsorised_mean(samples_[3]) - costs.resize_crop_us);
    costs.layout_us = std::max(0.0, winsorised_mean(samples_[4]) - winsorised_mean(samples_[3]));
    costs.fused_us = winsorised_mean(samples_[5]);
    return costs;
  }

 private:
  const PhysicalPipeline& pipeline_;
  const int repeats_;
  PreprocessOptions options_;
  std::array<std::unique_ptr<Preprocessor>, 3> prefixes_;
  std::unique_ptr<Preprocessor> fused_;
  std::vector<Slot> slots_;                     // of the prefixes, then of the fused form
  std::array<std::vector<double>, 6> samples_;  // read, decode, prefixes, fused
  Image picture_;
  std::int64_t num_items_ = 0;
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
  StepClock clock(plan.pipeline, repeats, limits);
  SMOL_RETURN_IF_ERROR(clock.prepare());
  std::vector<std::uint8_t> bytes;
  FrameAccess frames;
  Status last = Error{ErrorCode::kNotFound, "there is no item to measure"};
  const auto measure = [&](const Item& item) -> Status {
    if (item.video && !item.error) {
      const DecodeStep& decode = plan.pipeline.decode;
      return frames.with_frame(item, {decode.deblocking, decode.scale_denominator}, limits,
                               [&](Decoder& decoder, const ImageHeader& header, double frame_us) {
                                 return clock.add(decoder, {}, header, frame_us);
                               });
    }
    const Clock::time_point start = Clock::now();
    SMOL_RETURN_IF_ERROR(read_item(item, bytes));
    clock.add_read(microseconds_since(start));
    const Codec* codec = runtime.codecs.sniff(bytes);
    if (codec == nullptr) return runtime.codecs.unrecognised(bytes);
    const std::unique_ptr<Decoder> decoder = codec->create_decoder();
    SMOL_ASSIGN_OR_RETURN(const ImageHeader header, decoder->probe(bytes));
    return clock.add(*decoder, bytes, header, 0);
  };
  for (auto item = source.next(); item.ok() && *item; item = source.next()) {
    if (Status measured = measure(**item); !measured.ok()) last = std::move(measured);
  }
  if (const std::optional<UnfusedCosts> costs = clock.costs()) return *costs;
  return last.error();
}

}  // namespace smol
