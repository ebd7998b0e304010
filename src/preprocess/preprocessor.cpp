#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "preprocess/decode_request.h"
#include "preprocess/picture_stream.h"
#include "preprocess/thumbnail.h"
#include "smol/preprocess.h"

namespace smol {
namespace {

using Clock = std::chrono::steady_clock;

double microseconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double, std::micro>(end - start).count();
}

Error out_of_memory() {
  return Error{ErrorCode::kOutOfMemory, "no memory left for the rows of a picture; limit its pixels (--max-pixels)",
               Stage::kPreprocess};
}

class PipelinePreprocessor : public Preprocessor {
 public:
  PipelinePreprocessor(PhysicalPipeline pipeline, const OutputSpec& output)
      : pipeline_(std::move(pipeline)), stream_(pipeline_, output) {}

  Result<DecodeReport> run(Decoder& decoder, ByteView bytes, const ImageHeader& header, const PreprocessOptions& options,
                           const TensorSlot& slot) override {
    Preprocessor* self = this;
    return run_many(decoder, bytes, header, options, {&self, 1}, {&slot, 1});
  }

  Status run(const ImageView& picture, Orientation orientation, const PreprocessOptions& options,
             const TensorSlot& slot) override try {
    const Clock::time_point start = Clock::now();
    SMOL_RETURN_IF_ERROR(stream_.feed(picture, orientation, options, slot));
    timing_ = {0.0, microseconds_between(start, Clock::now())};
    return {};
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }

  Result<DecodeNeed> need(const ImageHeader& header, const PreprocessOptions& options) override;

  Status run(const DecodedPart& part, const PreprocessOptions& options, const TensorSlot& slot) override try {
    const Clock::time_point start = Clock::now();
    SMOL_RETURN_IF_ERROR(stream_.feed(part, options, slot));
    timing_ = {0.0, microseconds_between(start, Clock::now())};
    return {};
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }

  [[nodiscard]] const OutputSpec& output() const override { return stream_.output(); }
  [[nodiscard]] PreprocessTiming last_timing() const override { return timing_; }

  [[nodiscard]] const PhysicalPipeline& pipeline() const { return pipeline_; }
  /// The thumbnail to decode in place of this picture; nullopt where there is none that can stand in for it.
  [[nodiscard]] std::optional<ImageHeader> thumbnail_of(const ImageHeader& header) const {
    return usable_thumbnail(header, std::get<FusedStep>(pipeline_.host_steps.front()).operators);
  }
  [[nodiscard]] PictureStream& stream() { return stream_; }
  void set_timing(const PreprocessTiming& timing) { timing_ = timing; }

 private:
  const PhysicalPipeline pipeline_;
  PictureStream stream_;
  PreprocessTiming timing_;
};

/// Hands every row to several streams.
class RowTee : public RowConsumer {
 public:
  explicit RowTee(std::span<PictureStream* const> streams) : streams_(streams) {}

  Status begin(const Rect& delivered, Size scaled_size, PixelFormat format) override {
    for (PictureStream* stream : streams_) SMOL_RETURN_IF_ERROR(stream->begin(delivered, scaled_size, format));
    return {};
  }
  bool rows(int y, const ImageView& rows) override {
    bool any_wants_more = false;
    for (PictureStream* stream : streams_) any_wants_more = stream->rows(y, rows) || any_wants_more;
    return any_wants_more;
  }

 private:
  std::span<PictureStream* const> streams_;
};

/// Few enough for any graph of models over one decode, so that the lists need no allocation.
constexpr std::size_t kMaxOutputs = 64;

struct Members {
  std::array<PipelinePreprocessor*, kMaxOutputs> preprocessors{};
  std::array<PictureStream*, kMaxOutputs> streams{};
  std::size_t count = 0;
};

Result<Members> members_of(std::span<Preprocessor* const> preprocessors, std::span<const TensorSlot> slots) {
  if (preprocessors.empty() || preprocessors.size() != slots.size() || preprocessors.size() > kMaxOutputs) {
    return Error{ErrorCode::kInvalidArgument,
                 "run_many takes 1 to " + std::to_string(kMaxOutputs) + " preprocessors and a slot for each, given: " +
                     std::to_string(preprocessors.size()) + " and " + std::to_string(slots.size())};
  }
  Members members;
  for (Preprocessor* preprocessor : preprocessors) {
    auto* member = dynamic_cast<PipelinePreprocessor*>(preprocessor);
    if (member == nullptr) {
      return Error{ErrorCode::kInvalidArgument, "run_many takes objects made by create_preprocessor"};
    }
    members.preprocessors[members.count] = member;
    members.streams[members.count++] = &member->stream();
  }
  return members;
}

/// What decodings must agree in; regions and early stop are each pipeline's own.
bool decode_alike(const DecodeStep& a, const DecodeStep& b) {
  return a.scale_denominator == b.scale_denominator && a.format == b.format && a.thumbnail == b.thumbnail;
}

/// The plan's decode step as far as this picture allows it: folders mix formats and sizes.
DecodeStep step_alone(const PipelinePreprocessor& member, const PictureStream& stream, const ImageHeader& header,
                      const PreprocessOptions& options) {
  DecodeStep decode = member.pipeline().decode;
  decode.scale_denominator =
      std::min({decode.scale_denominator, header.max_scale_denominator, stream.largest_denominator(header, options)});
  if (decode.format == PixelFormat::kYcc8Planar && !header.planar) decode.format = PixelFormat::kRgbx8;
  // A region of interest may be a small part of the thumbnail.
  decode.thumbnail = decode.thumbnail && !options.roi && member.thumbnail_of(header);
  return decode;
}

/// One step for all: where the plans are alike, the most faithful that any of them needs; others must come to the same.
Result<DecodeStep> decode_step_for(const Members& members, const ImageHeader& header, const PreprocessOptions& options) {
  const DecodeStep& first = members.preprocessors[0]->pipeline().decode;
  DecodeStep common = step_alone(*members.preprocessors[0], *members.streams[0], header, options);
  bool plans_alike = true, steps_alike = true;
  for (std::size_t i = 1; i < members.count; ++i) {
    const DecodeStep own = step_alone(*members.preprocessors[i], *members.streams[i], header, options);
    plans_alike = plans_alike && decode_alike(members.preprocessors[i]->pipeline().decode, first);
    steps_alike = steps_alike && decode_alike(own, common);
    common.scale_denominator = std::min(common.scale_denominator, own.scale_denominator);
    common.thumbnail = common.thumbnail && own.thumbnail;
  }
  if (plans_alike || steps_alike) return common;
  return Error{ErrorCode::kInvalidArgument,
               "pipelines over one decode must agree on the decoder's scale, format and thumbnail"};
}

/// Prepares all streams; the region is their union, unless one of them wants the whole picture.
Result<std::optional<Rect>> prepare_all(Members& members, const ImageHeader& header, const DecodeStep& decode,
                                        const PreprocessOptions& options, std::span<const TensorSlot> slots) {
  std::optional<Rect> region;
  bool whole = false;
  for (std::size_t i = 0; i < members.count; ++i) {
    // Regions and early stop are each pipeline's own.
    DecodeStep own = members.preprocessors[i]->pipeline().decode;
    own.scale_denominator = decode.scale_denominator;
    own.format = decode.format;
    own.thumbnail = decode.thumbnail;
    SMOL_RETURN_IF_ERROR(members.streams[i]->prepare(header, own, options, slots[i]));
    const std::optional<Rect> needed = members.streams[i]->region();
    whole = whole || !needed;
    if (needed) region = region ? united(*region, *needed) : *needed;
  }
  return whole ? std::optional<Rect>() : region;
}

Result<DecodeReport> decode_as(const DecodeStep& decode, Decoder& decoder, ByteView bytes, const ImageHeader& header,
                               const PreprocessOptions& options, Members& members, std::span<const TensorSlot> slots) {
  const Clock::time_point start = Clock::now();
  SMOL_ASSIGN_OR_RETURN(const std::optional<Rect> region, prepare_all(members, header, decode, options, slots));
  DecodeRequest request = request_of(decode, header, options);
  request.region = region;
  const Clock::time_point decode_start = Clock::now();
  RowTee tee({members.streams.data(), members.count});
  RowConsumer& consumer = members.count == 1 ? static_cast<RowConsumer&>(*members.streams[0]) : tee;
  SMOL_ASSIGN_OR_RETURN(const DecodeReport report, decoder.decode(bytes, request, consumer));
  const Clock::time_point decode_end = Clock::now();
  double busy_us = 0;
  for (std::size_t i = 0; i < members.count; ++i) busy_us += members.streams[i]->busy_us();
  for (std::size_t i = 0; i < members.count; ++i) SMOL_RETURN_IF_ERROR(members.streams[i]->finish(slots[i]));
  const double preprocess_us =
      busy_us + microseconds_between(start, decode_start) + microseconds_between(decode_end, Clock::now());
  const PreprocessTiming timing{microseconds_between(decode_start, decode_end) - busy_us, preprocess_us};
  for (std::size_t i = 0; i < members.count; ++i) members.preprocessors[i]->set_timing(timing);
  return report;
}

Result<DecodeReport> decode_into(Decoder& decoder, ByteView bytes, const ImageHeader& header,
                                 const PreprocessOptions& options, Members& members, std::span<const TensorSlot> slots) {
  SMOL_ASSIGN_OR_RETURN(DecodeStep decode, decode_step_for(members, header, options));
  if (decode.thumbnail) {
    PreprocessOptions strict = options;
    strict.fail_on = std::max(options.fail_on, FailOn::kError);
    Result<DecodeReport> report = decode_as(decode, decoder, bytes, header_of_thumbnail(header), strict, members, slots);
    if (report.ok()) report->thumbnail = true;
    // A damaged thumbnail must not cost the picture.
    if (report.ok() || report.error().code == ErrorCode::kCancelled) return report;
    decode.thumbnail = false;
  }
  return decode_as(decode, decoder, bytes, header, options, members, slots);
}

Result<DecodeNeed> PipelinePreprocessor::need(const ImageHeader& header, const PreprocessOptions& options) try {
  const DecodeStep decode = step_alone(*this, stream_, header, options);
  SMOL_RETURN_IF_ERROR(stream_.plan(decode.thumbnail ? header_of_thumbnail(header) : header, decode, options));
  return DecodeNeed{decode, stream_.needed()};
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

}  // namespace

Result<std::unique_ptr<Preprocessor>> create_preprocessor(const PhysicalPipeline& pipeline) {
  SMOL_ASSIGN_OR_RETURN(const OutputSpec output, verify(pipeline));
  return std::unique_ptr<Preprocessor>(std::make_unique<PipelinePreprocessor>(pipeline, output));
}

Result<DecodeReport> run_many(Decoder& decoder, ByteView bytes, const ImageHeader& header, const PreprocessOptions& options,
                              std::span<Preprocessor* const> preprocessors, std::span<const TensorSlot> slots) try {
  SMOL_ASSIGN_OR_RETURN(Members members, members_of(preprocessors, slots));
  return decode_into(decoder, bytes, header, options, members, slots);
} catch (const std::bad_alloc&) {
  return out_of_memory();
}

}  // namespace smol
