#include "picture_preprocessor.h"

#include <algorithm>

#include "optimizer/graph.h"

namespace smol::python {
namespace {

constexpr std::string_view kPicture = "a decoded picture", kFrame = "a frame of a video";

}  // namespace

PicturePreprocessor::PicturePreprocessor(PreprocessGraph graph, std::string fidelity, std::vector<OutputSpec> outputs,
                                         PreprocessOptions options)
    : graph_(std::move(graph)), fidelity_(std::move(fidelity)), outputs_(std::move(outputs)), options_(std::move(options)) {}

PicturePreprocessor::PicturePreprocessor(PhysicalPipeline physical, OutputSpec output, PreprocessOptions options)
    : physical_(std::move(physical)), outputs_{output}, options_(std::move(options)) {}

TensorSlot PicturePreprocessor::slot(void* data, std::size_t index) const {
  const OutputSpec& output = outputs_[index];
  return {data, output.dtype, output.layout, output.color, output.width, output.height};
}

Status PicturePreprocessor::run(const PictureInput& picture, std::span<const TensorSlot> slots,
                                const std::stop_token& stop) {
  PreprocessOptions options = options_;
  options.stop = stop;
  if (picture.picture() != nullptr) {
    const auto describe = []() -> Result<RuleContext> {
      RuleContext context;
      context.codec.formats = {PixelFormat::kRgb8, PixelFormat::kGray8};
      context.typical.width = context.typical.height = 512;  // nothing but costs depends on it
      return context;
    };
    SMOL_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance, take(kPicture, describe));
    Status done;
    for (std::size_t i = 0; i < slots.size() && done.ok(); ++i) {
      done = instance->preprocessors[i]->run(*picture.picture(), Orientation::kNormal, options, slots[i]);
    }
    give_back(std::move(instance));
    return done;
  }
  std::vector<std::uint8_t> file;
  SMOL_ASSIGN_OR_RETURN(const ByteView bytes, picture.bytes(file));
  return run_encoded(bytes, slots, options);
}

Status PicturePreprocessor::run_frame(FrameDecoder& decoder, const VideoIndex& index, std::span<const TensorSlot> slots,
                                      const std::stop_token& stop) {
  PreprocessOptions options = options_;
  options.stop = stop;
  const auto describe = [&]() -> Result<RuleContext> {
    RuleContext context;
    context.codec = capabilities_of(index.info);
    context.typical = frame_header(index);
    return context;
  };
  SMOL_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance, take(kFrame, describe));
  Status done = run_instance(*instance, decoder, {}, slots, options);
  give_back(std::move(instance));
  return done;
}

Status PicturePreprocessor::run_encoded(ByteView bytes, std::span<const TensorSlot> slots,
                                        const PreprocessOptions& options) {
  if (bytes.empty()) return Error{ErrorCode::kTruncated, "the file is empty", Stage::kRead};
  const Codec* codec = shared_codecs().sniff(bytes);
  if (codec == nullptr) return shared_codecs().unrecognised(bytes);
  const auto describe = [&]() -> Result<RuleContext> {
    RuleContext context;
    context.codec = codec->capabilities();
    SMOL_ASSIGN_OR_RETURN(context.typical, codec->create_decoder()->probe(bytes));
    return context;
  };
  SMOL_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance, take(codec->name(), describe));
  if (!instance->decoder) instance->decoder = codec->create_decoder();
  Status done = run_instance(*instance, *instance->decoder, bytes, slots, options);
  give_back(std::move(instance));
  return done;
}

Status PicturePreprocessor::run_instance(Instance& instance, Decoder& decoder, ByteView bytes,
                                         std::span<const TensorSlot> slots, const PreprocessOptions& options) {
  SMOL_ASSIGN_OR_RETURN(const ImageHeader header, decoder.probe(bytes));
  std::vector<Preprocessor*> preprocessors;
  preprocessors.reserve(instance.preprocessors.size());
  for (const auto& preprocessor : instance.preprocessors) preprocessors.push_back(preprocessor.get());
  SMOL_RETURN_IF_ERROR(run_many(decoder, bytes, header, options, preprocessors, slots));
  return {};
}

Result<std::unique_ptr<PicturePreprocessor::Instance>> PicturePreprocessor::take(
    std::string_view format, const std::function<Result<RuleContext>()>& describe) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& idle) { return idle->format == format; });
  if (found != idle_.end()) {
    std::unique_ptr<Instance> instance = std::move(*found);
    idle_.erase(found);
    return instance;
  }
  auto instance = std::make_unique<Instance>();
  instance->format = format;
  auto chosen = chosen_.find(format);
  if (chosen == chosen_.end()) {
    SMOL_ASSIGN_OR_RETURN(const RuleContext context, describe());
    SMOL_ASSIGN_OR_RETURN(std::vector<PhysicalPipeline> pipelines, choose(format, context));
    chosen = chosen_.emplace(format, std::move(pipelines)).first;
  }
  for (const PhysicalPipeline& pipeline : chosen->second) {
    SMOL_ASSIGN_OR_RETURN(instance->preprocessors.emplace_back(), create_preprocessor(pipeline));
  }
  return instance;
}

void PicturePreprocessor::give_back(std::unique_ptr<Instance> instance) {
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(instance));
}

Result<std::vector<PhysicalPipeline>> PicturePreprocessor::choose(std::string_view format,
                                                                  const RuleContext& context) const {
  if (physical_) return std::vector{*physical_};
  OptimizerInput input;
  input.context = context;
  input.codec_name = format;
  SMOL_ASSIGN_OR_RETURN(const std::vector<OptimizerResult> results, optimize_graph(graph_, input));
  SMOL_ASSIGN_OR_RETURN(const std::vector<Candidate> candidates, choose_fidelity(results, fidelity_));
  std::vector<PhysicalPipeline> pipelines;
  pipelines.reserve(candidates.size());
  for (const Candidate& candidate : candidates) pipelines.push_back(candidate.pipeline);
  return pipelines;
}

std::vector<std::size_t> shape_of(const OutputSpec& output) {
  const std::size_t channels = output.color == ColorOrder::kGray ? 1 : 3;
  const auto width = static_cast<std::size_t>(output.width), height = static_cast<std::size_t>(output.height);
  return output.layout == Layout::kNCHW ? std::vector{channels, height, width} : std::vector{height, width, channels};
}

nb::object to_numpy(ArrayMemory memory, DType dtype, std::vector<std::size_t> shape) {
  if (dtype == DType::kU8) return nb::cast(std::move(memory).to_numpy<std::uint8_t>(std::move(shape)));
  return nb::cast(std::move(memory).to_numpy<float>(std::move(shape)));
}

}  // namespace smol::python
