#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/command.h"

namespace smol::cli {
namespace {

struct InspectArguments {
  std::vector<std::string> files;
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
              {"frames", header.num_frames}};
}

Result<ImageHeader> probe(const Runtime& runtime, const std::string& file) {
  std::vector<std::uint8_t> bytes;
  SMOL_RETURN_IF_ERROR(read_file(file, bytes));
  const Codec* codec = runtime.codecs.sniff(bytes);
  if (codec == nullptr) return runtime.codecs.unrecognised(bytes);
  return codec->create_decoder()->probe(bytes);
}

const Backend* backend_for(const Runtime& runtime, const std::string& file) {
  const std::string extension = std::filesystem::path(file).extension().string();
  for (const auto& backend : runtime.backends.backends()) {
    const auto& extensions = backend->capabilities().model_extensions;
    if (std::find(extensions.begin(), extensions.end(), extension) != extensions.end()) return backend.get();
  }
  return nullptr;
}

Status inspect_model(const Backend& backend, const std::string& file, bool card, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const auto specs, backend.describe(file));
  if (card) {
    SMOL_ASSIGN_OR_RETURN(DraftCard draft, draft_model_card(file, specs.first, specs.second));
    draft.card.backend = backend.name();
    for (const std::string& assumption : draft.assumptions) fmt::print("# assumed: {}\n", assumption);
    fmt::print("{}", to_yaml(draft.card));
    return {};
  }
  Json json{{"file", file}, {"backend", backend.name()}};
  const auto list = [&](const char* kind, const std::vector<TensorSpec>& tensors) {
    for (const TensorSpec& spec : tensors) {
      json[kind].push_back({{"name", spec.name}, {"dtype", name_of(spec.dtype)}, {"shape", spec.shape}});
      if (!context.json) fmt::print("  {:6} {}  {} {}\n", kind, spec.name, name_of(spec.dtype), to_string(spec.shape));
    }
  };
  if (!context.json) fmt::print("{}: model, read by {}\n", file, backend.name());
  list("input", specs.first);
  list("output", specs.second);
  if (context.json) {
    fmt::print("{}\n", json.dump(2));
  } else {
    fmt::print("  `smol inspect {} --card` drafts its model card\n", file);
  }
  return {};
}

Status run(const InspectArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  Json pictures = Json::array();
  for (const std::string& file : arguments.files) {
    if (const Backend* backend = backend_for(runtime, file)) {
      if (Status done = inspect_model(*backend, file, arguments.card, context); !done.ok()) context.fail(done.error());
      continue;
    }
    const Result<ImageHeader> header = probe(runtime, file);
    if (!header.ok()) {
      context.exit_code = 1;
      pictures.push_back(
          {{"file", file}, {"error", {{"code", name_of(header.error().code)}, {"message", header.error().message}}}});
      if (!context.json) fmt::print(stderr, "{}: {}\n", file, header.error().to_string());
      continue;
    }
    pictures.push_back(to_json(file, *header));
    if (!context.json) fmt::print("{}: {} {}\n", file, header->format, describe(*header));
  }
  if (context.json && !pictures.empty()) fmt::print("{}\n", pictures.dump(2));
  return {};
}

}  // namespace

void add_inspect(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App* command =
      program.add_subcommand("inspect", "What a picture or model file is: size, orientation, cost features, inputs");
  command->add_option("FILE", arguments->files, "Pictures or models (.onnx, .xml, .tflite)")->required();
  command->add_flag("--card", arguments->card, "For a model: draft its model card as far as the file tells");
  command->footer("Examples:\n  smol inspect photo.jpg scan.png\n  smol inspect net.onnx --card > net.yaml");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
