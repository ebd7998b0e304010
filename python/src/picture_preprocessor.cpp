#include "picture_preprocessor.h"

#include <algorithm>

#include "optimizer/graph.h"

namespace smol::python {

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
    SMOL_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance, take(nullptr, {}));
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

Status PicturePreprocessor::run_encoded(ByteView bytes, std::span<const TensorSlot> slots,
                                        const PreprocessOptions& options) {
  if (bytes.empty()) return Error{ErrorCode::kTruncated, "the file is empty", Stage::kRead};
  const Codec* codec = shared_codecs().sniff(bytes);
  if (codec == nullptr) return shared_codecs().unrecognised(bytes);
  SMOL_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance, take(codec, bytes));
  const auto run_instance = [&]() -> Status {
    SMOL_ASSIGN_OR_RETURN(const ImageHeader header, instance->decoder->probe(bytes));
    std::vector<Preprocessor*> preprocessors;
    for (const auto& preprocessor : instance->preprocessors) preprocessors.push_back(preprocessor.get());
    SMOL_RETURN_IF_ERROR(run_many(*instance->decoder, bytes, header, options, preprocessors, slots));
    return {};
  };
  Status done = run_instance();
  give_back(std::move(instance));
  return done;
}

Result<std::unique_ptr<PicturePreprocessor::Instance>> PicturePreprocessor::take(const Codec* codec, ByteView bytes) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& idle) { return idle->codec == codec; });
  if (found != idle_.end()) {
    std::unique_ptr<Instance> instance = std::move(*found);
    idle_.erase(found);
    return instance;
  }
  auto instance = std::make_unique<Instance>();
  instance->codec = codec;
  if (codec != nullptr) instance->decoder = codec->create_decoder();
  auto chosen = chosen_.find(codec);
  if (chosen == chosen_.end()) {
    ImageHeader typical;
    typical.width = typical.height = 512;  // of decoded pictures: nothing but costs depends on it
    if (codec != nullptr) {
      SMOL_ASSIGN_OR_RETURN(typical, instance->decoder->probe(bytes));
    }
    SMOL_ASSIGN_OR_RETURN(std::vector<PhysicalPipeline> pipelines, choose(codec, typical));
    chosen = chosen_.emplace(codec, std::move(pipelines)).first;
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

Result<std::vector<PhysicalPipeline>> PicturePreprocessor::choose(const Codec* codec, const ImageHeader& typical) const {
  if (physical_) return std::vector{*physical_};
  OptimizerInput input;
  if (codec != nullptr) {
    input.context.codec = codec->capabilities();
    input.codec_name = codec->name();
  } else {
    input.context.codec.formats = {PixelFormat::kRgb8, PixelFormat::kGray8};
  }
  input.context.typical = typical;
  SMOL_ASSIGN_OR_RETURN(const std::vector<OptimizerResult> results, optimize_graph(graph_, input));
  SMOL_ASSIGN_OR_RETURN(const std::vector<Candidate> candidates, choose_fidelity(results, fidelity_));
  std::vector<PhysicalPipeline> pipelines;
  for (const Candidate& candidate : candidates) pipelines.push_back(candidate.pipeline);
  return pipelines;
}

}  // namespace smol::python
