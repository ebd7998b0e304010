#include "picture_preprocessor.h"

#include <fmt/format.h>

#include <algorithm>

#include "optimizer/optimizer.h"

namespace smol::python {

PicturePreprocessor::PicturePreprocessor(LogicalPipeline logical, std::string fidelity, OutputSpec output,
                                         PreprocessOptions options)
    : logical_(std::move(logical)), fidelity_(std::move(fidelity)), output_(output), options_(std::move(options)) {}

PicturePreprocessor::PicturePreprocessor(PhysicalPipeline physical, OutputSpec output, PreprocessOptions options)
    : physical_(std::move(physical)), output_(output), options_(std::move(options)) {}

TensorSlot PicturePreprocessor::slot(void* data) const {
  return {data, output_.dtype, output_.layout, output_.color, output_.width, output_.height};
}

Status PicturePreprocessor::run(const PictureInput& picture, const TensorSlot& slot, const std::stop_token& stop) {
  PreprocessOptions options = options_;
  options.stop = stop;
  if (picture.picture() != nullptr) {
    SMOL_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance, take(nullptr, {}));
    Status done = instance->preprocessor->run(*picture.picture(), Orientation::kNormal, options, slot);
    give_back(std::move(instance));
    return done;
  }
  std::vector<std::uint8_t> file;
  SMOL_ASSIGN_OR_RETURN(const ByteView bytes, picture.bytes(file));
  return run_encoded(bytes, slot, options);
}

Status PicturePreprocessor::run_encoded(ByteView bytes, const TensorSlot& slot, const PreprocessOptions& options) {
  if (bytes.empty()) return Error{ErrorCode::kTruncated, "the file is empty", Stage::kRead};
  const Codec* codec = shared_codecs().sniff(bytes);
  if (codec == nullptr) return shared_codecs().unrecognised(bytes);
  SMOL_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance, take(codec, bytes));
  const auto run_instance = [&]() -> Status {
    SMOL_ASSIGN_OR_RETURN(const ImageHeader header, instance->decoder->probe(bytes));
    Result<DecodeReport> report = instance->preprocessor->run(*instance->decoder, bytes, header, options, slot);
    if (!report.ok()) return std::move(report).error();
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
    SMOL_ASSIGN_OR_RETURN(PhysicalPipeline pipeline, choose(codec, typical));
    chosen = chosen_.emplace(codec, std::move(pipeline)).first;
  }
  SMOL_ASSIGN_OR_RETURN(instance->preprocessor, create_preprocessor(chosen->second));
  return instance;
}

void PicturePreprocessor::give_back(std::unique_ptr<Instance> instance) {
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(instance));
}

Result<PhysicalPipeline> PicturePreprocessor::choose(const Codec* codec, const ImageHeader& typical) const {
  if (physical_) return *physical_;
  OptimizerInput input;
  input.logical = logical_;
  if (codec != nullptr) {
    input.context.codec = codec->capabilities();
    input.codec_name = codec->name();
  } else {
    input.context.codec.formats = {PixelFormat::kRgb8, PixelFormat::kGray8};
  }
  input.context.typical = typical;
  SMOL_ASSIGN_OR_RETURN(const OptimizerResult result, optimize(input));
  std::vector<std::string> fidelities;
  for (const Candidate& candidate : result.candidates) {
    if (!candidate.pipeline.device_operators.empty()) continue;
    if (candidate.fidelity == fidelity_) return candidate.pipeline;
    if (std::find(fidelities.begin(), fidelities.end(), candidate.fidelity) == fidelities.end())
      fidelities.push_back(candidate.fidelity);
  }
  return Error{ErrorCode::kNotFound, fmt::format("no fidelity '{}' for {} of {}x{}; there are: {}", fidelity_,
                                                 codec != nullptr ? codec->name() : "decoded pictures", typical.width,
                                                 typical.height, fmt::join(fidelities, ", "))};
}

}  // namespace smol::python
