#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "backend/model_file.h"
#include "cli/array_file.h"
#include "cli/command.h"
#include "cli/output_file.h"
#include "cli/video_frame.h"
#include "codec/encode.h"

namespace smol::cli {
namespace {

constexpr std::array<std::string_view, 5> kExtensions{".png", ".ppm", ".jpg", ".jpeg", ".npy"};

struct DecodeArguments {
  std::string file, output, scale = "1/1", region, fidelity, background, fail_on = "truncated";
  LimitArguments limits;
  bool keep_orientation = false;
  FrameChoice frame;  ///< of a video
};

Status write_picture(const std::string& path, const ImageView& picture) {
  const std::string extension = extension_of(path);
  if (extension == ".npy") {
    const std::size_t row_bytes = static_cast<std::size_t>(picture.width) * num_channels(picture.format);
    std::vector<std::uint8_t> dense(row_bytes * picture.height);
    for (int y = 0; y < picture.height; ++y) std::copy_n(picture.row(y), row_bytes, dense.data() + y * row_bytes);
    const TensorView tensor{dense.data(), DType::kU8, {picture.height, picture.width, num_channels(picture.format)}};
    return write_npy(path, tensor);
  }
  SMOL_ASSIGN_OR_RETURN(const EncodeFormat format, parse_encode_format(extension.substr(1)));
  std::vector<std::uint8_t> bytes;
  SMOL_RETURN_IF_ERROR(encode(picture, format, bytes));
  return write_file(path, {{reinterpret_cast<const char*>(bytes.data()), bytes.size()}});
}

// Plans name what decoding alone can lose like this; what else they may lose, preprocessing does.
Result<int> scale_of_fidelity(const std::string& fidelity, const CodecCapabilities& capabilities,
                              const ImageHeader& header) {
  std::string allowed;
  for (const int denominator : capabilities.scale_denominators) {
    if (denominator > header.max_scale_denominator) continue;
    const std::string name = denominator == 1 ? "exact" : fmt::format("scale{}", denominator);
    if (fidelity == name) return denominator;
    allowed += (allowed.empty() ? "" : ", ") + name;
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("this picture can be decoded at the fidelities {}: {}", allowed, fidelity)};
}

Result<PictureRequest> request_of(const DecodeArguments& arguments, const Context& context) {
  PictureRequest request;
  SMOL_ASSIGN_OR_RETURN(request.scale_denominator, parse_scale(arguments.scale));
  SMOL_ASSIGN_OR_RETURN(request.fail_on, parse_fail_on(arguments.fail_on));
  SMOL_ASSIGN_OR_RETURN(request.background, parse_background(arguments.background));
  SMOL_ASSIGN_OR_RETURN(request.limits, parse_limits(arguments.limits));
  if (!arguments.region.empty()) {
    SMOL_ASSIGN_OR_RETURN(request.region, parse_rect(arguments.region));
  }
  request.keep_orientation = arguments.keep_orientation;
  request.stop = context.stop;
  return request;
}

Result<DecodeReport> decode_video(const DecodeArguments& arguments, PictureRequest request, Image& image) {
  VideoReadOptions options;
  if (!arguments.fidelity.empty()) {
    SMOL_ASSIGN_OR_RETURN(options.fidelity, parse_video_fidelity(arguments.fidelity));
  }
  // Reduced resolution is the video decoder's; the frame that comes out has one scale.
  if (request.scale_denominator > 1) options.fidelity.scale_denominator = std::exchange(request.scale_denominator, 1);
  options.fail_on = request.fail_on;
  options.limits = request.limits;
  options.stop = request.stop;
  SMOL_RETURN_IF_ERROR(decode_frame(arguments.file, arguments.frame, options, request, image));
  DecodeReport report;
  report.rows_decoded = image.view().height;
  return report;
}

Result<DecodeReport> decode_still(const Runtime& runtime, const DecodeArguments& arguments, PictureRequest request,
                                  Image& image) {
  if (arguments.frame.number || arguments.frame.seconds)
    return Error{ErrorCode::kInvalidArgument, "--frame and --time choose frames of videos; this is none: " + arguments.file};
  std::vector<std::uint8_t> bytes;
  SMOL_RETURN_IF_ERROR(read_named(arguments.file, bytes));
  const Codec* codec = runtime.codecs.sniff(bytes);
  if (codec == nullptr) return runtime.codecs.unrecognised(bytes);
  const std::unique_ptr<Decoder> decoder = codec->create_decoder();
  if (!arguments.fidelity.empty()) {
    SMOL_ASSIGN_OR_RETURN(const ImageHeader header, decoder->probe(bytes));
    SMOL_ASSIGN_OR_RETURN(request.scale_denominator, scale_of_fidelity(arguments.fidelity, codec->capabilities(), header));
  }
  return decode_picture(*codec, *decoder, bytes, request, image);
}

Status run(const DecodeArguments& arguments, Context& context) {
  SMOL_RETURN_IF_ERROR(check_extension(arguments.output, kExtensions));
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  SMOL_ASSIGN_OR_RETURN(const PictureRequest request, request_of(arguments, context));
  Image image;
  SMOL_ASSIGN_OR_RETURN(const DecodeReport report, is_video(arguments.file)
                                                       ? decode_video(arguments, request, image)
                                                       : decode_still(runtime, arguments, request, image));
  const ImageView& picture = image.view();
  SMOL_RETURN_IF_ERROR(write_picture(arguments.output, picture));
  const std::string_view status = status_of(report);
  if (context.json) {
    context.answer(Json{{"output", arguments.output},
                        {"width", picture.width},
                        {"height", picture.height},
                        {"status", status},
                        {"rows_decoded", report.rows_decoded},
                        {"warnings", report.warnings}});
  } else if (!context.quiet) {
    fmt::print("wrote {} ({}x{}, {})\n", arguments.output, picture.width, picture.height, status);
  }
  return {};
}

}  // namespace

void add_decode(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<DecodeArguments>();
  CLI::App* command =
      program.add_subcommand("decode", "Decode a picture, or a frame of a video, to PNG, PPM, JPEG or NumPy");
  command->add_option("FILE", arguments->file, "Picture (also archive!member, http://) or video")->required();
  command
      ->add_option("-o,--output", arguments->output, "out.png, out.ppm, out.jpg or out.npy (height, width, channels; uint8)")
      ->required();
  CLI::Option* scale = command->add_option("--scale", arguments->scale, "Scale inside the decoder: 1/1, 1/2, 1/4 or 1/8")
                           ->capture_default_str();
  command
      ->add_option(
          "--fidelity", arguments->fidelity,
          "As plans name it: exact, or scale2, scale4, scale8 where the format can (an unknown name lists them); of "
          "videos: exact, deblock-reference, deblock-none")
      ->excludes(scale);
  command->add_option("--region", arguments->region,
                      "X,Y,WIDTH,HEIGHT of the oriented (scaled) picture; must lie inside it");
  CLI::Option* number =
      command->add_option("--frame", arguments->frame.number, "Of a video: the frame's number, from 0 (default: the first)");
  command->add_option("--time", arguments->frame.seconds, "Of a video: the frame shown this many seconds after the first")
      ->excludes(number);
  command->add_option("--fail-on", arguments->fail_on, "How strict decoding is")
      ->check(CLI::IsMember({"none", "truncated", "error", "warning"}))
      ->capture_default_str();
  add_background(*command, arguments->background);
  add_limits(*command, arguments->limits);
  command->add_flag("--keep-orientation", arguments->keep_orientation, "Do not apply the EXIF orientation");
  command->footer(
      "Examples:\n  smol decode photo.jpg -o photo.png\n  smol decode photo.jpg --scale 1/4 --region 0,0,200,100 -o "
      "corner.npy\n  smol decode street.mp4 --time 12.5 -o frame.png");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
