#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "backend/model_file.h"
#include "cli/command.h"
#include "cli/output_file.h"
#include "cli/video_frame.h"
#include "engine/describe_runtime.h"

namespace smol::cli {
namespace {

struct InspectArguments {
  std::vector<std::string> files;
  std::string output;
  bool card = false;
};

std::string describe(const ImageHeader& header) {
  std::string text = fmt::format("{}x{}", header.oriented_size().width, header.oriented_size().height);
  if (header.orientation != Orientation::kNormal) {
    text += fmt::format(" (stored {}x{}, EXIF orientation {})", header.width, header.height,
                        static_cast<int>(header.orientation));
  }
  text += header.palette ? ", palette" : header.channels == 1 ? ", gray" : header.channels == 4 ? ", CMYK" : ", colour";
  if (header.alpha) text += " with alpha";
  text += fmt::format(", {} bit", header.bits);
  if (header.chroma_horizontal * header.chroma_vertical > 1)
    text += fmt::format(", chroma 1/{}x1/{}", header.chroma_horizontal, header.chroma_vertical);
  if (header.progressive) text += ", progressive";
  if (header.restart_interval > 0) text += fmt::format(", restart every {} units", header.restart_interval);
  if (header.thumbnail.width > 0) text += fmt::format(", thumbnail {}x{}", header.thumbnail.width, header.thumbnail.height);
  const double pixels = static_cast<double>(header.width) * header.height;
  return text + fmt::format(", {} bytes, {:.2f} bits a pixel", header.compressed_bytes,
                            8.0 * static_cast<double>(header.compressed_bytes) / pixels);
}

Json to_json(const std::string& file, const ImageHeader& header) {
  return Json{{"file", file},
              {"format", header.format},
              {"width", header.oriented_size().width},
              {"height", header.oriented_size().height},
              {"stored_width", header.width},
              {"stored_height", header.height},
              {"orientation", static_cast<int>(header.orientation)},
              {"channels", header.channels},
              {"bits", header.bits},
              {"alpha", header.alpha},
              {"palette", header.palette},
              {"progressive", header.progressive},
              {"restart_interval", header.restart_interval},
              {"chroma", {header.chroma_horizontal, header.chroma_vertical}},
              {"compressed_bytes", header.compressed_bytes},
              {"thumbnail", header.thumbnail.width > 0 ? Json{header.thumbnail.width, header.thumbnail.height} : Json()},
              {"frames", header.num_frames}};
}

std::string describe(const VideoIndex& index) {
  const VideoInfo& info = index.info;
  const bool turned = swaps_axes(info.orientation);
  std::string text =
      fmt::format("video, {}, {}x{}", info.codec, turned ? info.height : info.width, turned ? info.width : info.height);
  if (info.orientation != Orientation::kNormal) text += fmt::format(" (turned, {})", static_cast<int>(info.orientation));
  const auto num_frames = static_cast<std::int64_t>(index.frames.size()), num_groups = std::ssize(index.groups);
  const double seconds = info.time_base.seconds(index.frames.back().pts - index.frames.front().pts);
  text += fmt::format(", {} in {}", counted(num_frames, "frame"), counted(num_groups, "group"));
  text += index.timed ? fmt::format(", {:.2f} s", seconds) : ", without times";
  if (info.frames_per_s > 0) text += fmt::format(", {:.4g}/s", info.frames_per_s);
  if (info.claimed_frames > 0 && info.claimed_frames != num_frames)
    text += fmt::format(" (its header claims {})", counted(info.claimed_frames, "frame"));
  text += fmt::format(", {} bit, {}{}", info.bits, info.matrix ? name_of(*info.matrix) : "no colour tag",
                      info.full_range ? ", full range" : "");
  if (info.hdr) text += ", HDR";
  return text + fmt::format(", {} bytes", info.file_bytes);
}

Result<ImageHeader> probe(const Runtime& runtime, const std::string& file) {
  std::vector<std::uint8_t> bytes;
  SMOL_RETURN_IF_ERROR(read_named(file, bytes));
  const Codec* codec = runtime.codecs.sniff(bytes);
  if (codec == nullptr) return runtime.codecs.unrecognised(bytes);
  return codec->create_decoder()->probe(bytes);
}

const Backend* backend_for(const Runtime& runtime, const std::string& file) {
  const std::string extension = extension_of(file);
  for (const auto& backend : runtime.backends.backends()) {
    const auto& extensions = backend->capabilities().model_extensions;
    if (std::find(extensions.begin(), extensions.end(), extension) != extensions.end()) return backend.get();
  }
  return nullptr;
}

Error no_model(const Runtime& runtime, const std::string& file) {
  std::vector<std::string> extensions;
  for (const auto& backend : runtime.backends.backends()) {
    const auto& more = backend->capabilities().model_extensions;
    extensions.insert(extensions.end(), more.begin(), more.end());
  }
  std::sort(extensions.begin(), extensions.end());
  extensions.erase(std::unique(extensions.begin(), extensions.end()), extensions.end());
  return Error{ErrorCode::kInvalidArgument, fmt::format("--card drafts the card of a model file ({}); this is none: {}",
                                                        fmt::join(extensions, ", "), file)};
}

/// What a card says, as JSON. Numbers and truth values only where the text is JSON's own: labels such as 0001 stay text.
Json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    Json json = Json::object();
    for (const auto& entry : node) json[entry.first.Scalar()] = to_json(entry.second);
    return json;
  }
  if (node.IsSequence()) {
    Json json = Json::array();
    for (const YAML::Node& entry : node) json.push_back(to_json(entry));
    return json;
  }
  const Json value = Json::parse(node.Scalar(), nullptr, false);
  const bool is_quoted = node.Tag() == "!";
  return !is_quoted && (value.is_number() || value.is_boolean()) ? value : Json(node.Scalar());
}

/// Where the card finds its model: relative to the place it is written to, or absolute when it may end up anywhere.
void place(ModelCard& card, const std::string& output) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto resolved = [&](const fs::path& path) {
    return fs::weakly_canonical(fs::absolute(path).parent_path(), ignored) / path.filename();
  };
  card.path = resolved(card.path).string();
  if (!output.empty()) card.card_path = resolved(output).string();
}

Status draft_card(const Backend& backend, const InspectArguments& arguments, Context& context) {
  const std::string& file = arguments.files.front();
  SMOL_ASSIGN_OR_RETURN(const auto specs, backend.describe(file));
  SMOL_ASSIGN_OR_RETURN(DraftCard draft, draft_model_card(file, specs.first, specs.second));
  draft.card.backend = backend.name();
  place(draft.card, arguments.output);
  const std::string yaml = to_yaml(draft.card);
  std::string text;
  for (const std::string& assumption : draft.assumptions) text += fmt::format("# assumed: {}\n", assumption);
  if (!arguments.output.empty()) {
    std::error_code ignored;
    if (std::filesystem::exists(arguments.output, ignored)) {
      return Error{
          ErrorCode::kInvalidArgument,
          "there is a file of this name, which may be a card corrected by hand; remove it or choose another name: " +
              arguments.output};
    }
    SMOL_RETURN_IF_ERROR(write_file(arguments.output, {text, yaml}));
  }
  if (context.json) {
    Json json{{"file", file}, {"backend", backend.name()}};
    if (!arguments.output.empty()) json["output"] = arguments.output;
    json["assumptions"] = draft.assumptions;
    json["card"] = to_json(YAML::Load(yaml));
    context.answer(std::move(json));
  } else if (!arguments.output.empty()) {
    fmt::print("{}wrote {}; correct what it assumes\n", text, arguments.output);
  } else {
    fmt::print("{}# file: absolute, as this card may be put anywhere; `-o CARD` writes it relative to the card\n{}", text,
               yaml);
  }
  return {};
}

/// Says what the file is, unless in JSON, and returns it.
Result<Json> inspect_file(const Runtime& runtime, const std::string& file, const Context& context) {
  const Backend* backend = backend_for(runtime, file);
  if (backend == nullptr && is_video(file)) {
    SMOL_ASSIGN_OR_RETURN(const VideoLibrary* library, video_library());
    SMOL_ASSIGN_OR_RETURN(const VideoIndex index, library->index(file, context.stop));
    if (!context.json) fmt::print("{}: {}\n", file, describe(index));
    Json json = smol::describe<Json>(index);
    json["file"] = file;
    json["format"] = "video";
    return json;
  }
  if (backend == nullptr) {
    SMOL_ASSIGN_OR_RETURN(const ImageHeader header, probe(runtime, file));
    if (!context.json) fmt::print("{}: {} {}\n", file, header.format, describe(header));
    return to_json(file, header);
  }
  SMOL_ASSIGN_OR_RETURN(const auto specs, backend->describe(file));
  Json json{{"file", file}, {"backend", backend->name()}};
  if (!context.json) fmt::print("{}: model, read by {}\n", file, backend->name());
  for (const auto& [kind, tensors] : {std::pair{"input", &specs.first}, std::pair{"output", &specs.second}}) {
    for (const TensorSpec& spec : *tensors) {
      json[kind].push_back({{"name", spec.name}, {"dtype", name_of(spec.dtype)}, {"shape", spec.shape}});
      if (!context.json) fmt::print("  {:6} {}  {} {}\n", kind, spec.name, name_of(spec.dtype), to_string(spec.shape));
    }
  }
  if (!context.json) fmt::print("  `smol inspect {} --card -o CARD` drafts its model card\n", file);
  return json;
}

Status run(const InspectArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  if (arguments.card) {
    if (arguments.files.size() != 1)
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("--card drafts one card at a time: {} files", arguments.files.size())};
    const Backend* backend = backend_for(runtime, arguments.files.front());
    if (backend == nullptr) return no_model(runtime, arguments.files.front());
    return draft_card(*backend, arguments, context);
  }
  Json json = Json::array();
  for (const std::string& file : arguments.files) {
    Result<Json> entry = inspect_file(runtime, file, context);
    if (!entry.ok()) {
      const Error& error = entry.error();
      context.exit_code = 1;
      fmt::print(stderr, "{}: {}\n", file, error.to_string());
      entry = Json{{"file", file}, {"error", {{"code", name_of(error.code)}, {"message", error.message}}}};
    }
    json.push_back(*std::move(entry));
  }
  // A model alone is one object.
  const bool one_model = json.size() == 1 && json.front().contains("backend");
  if (context.json) context.answer(one_model ? json.front() : json);
  return {};
}

}  // namespace

void add_inspect(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App* command =
      program.add_subcommand("inspect", "What a picture, video or model file is: size, orientation, cost features, inputs");
  command
      ->add_option("FILE", arguments->files,
                   "Pictures (also archive!member, http://), videos or models (.onnx, .xml, .tflite)")
      ->required();
  CLI::Option* card =
      command->add_flag("--card", arguments->card, "For a model: draft its model card as far as the file tells");
  command->add_option("-o,--output", arguments->output, "Write the card here, with the model's path relative to it")
      ->needs(card);
  command->footer("Examples:\n  smol inspect photo.jpg scan.png\n  smol inspect net.onnx --card -o net.yaml");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
