#include "cli/command.h"
#include "engine/describe_runtime.h"

namespace smol::cli {
namespace {

std::string describe(const CodecCapabilities& capabilities) {
  std::string scales;
  for (int denominator : capabilities.scale_denominators)
    scales += (scales.empty() ? "1/" : " 1/") + std::to_string(denominator);
  std::string text = "scales " + scales;
  if (capabilities.region) text += ", region";
  if (capabilities.early_stop) text += ", early stop";
  if (capabilities.streams_rows) text += ", streams rows";
  if (capabilities.planar) text += ", planes";
  if (capabilities.embedded_thumbnails) text += ", embedded thumbnails";
  return text;
}

std::string describe(const BackendCapabilities& capabilities) {
  std::string text;
  for (Precision precision : capabilities.fast_precisions)
    text += (text.empty() ? "" : " ") + std::string(name_of(precision));
  text = "fast: " + text;
  for (const std::string& extension : capabilities.model_extensions)
    text += (extension == capabilities.model_extensions.front() ? "; reads " : " ") + extension;
  if (capabilities.separate_memory) text += "; own memory";
  if (capabilities.simulated) text += "; SIMULATED";
  return text;
}

// With what only this program links.
std::vector<LinkedLibrary> all_libraries() {
  std::vector<LinkedLibrary> libraries = linked_libraries();
  libraries.push_back({"CLI11", CLI11_VERSION, "BSD-3-Clause"});
  return libraries;
}

std::string describe_libraries() {
  std::vector<std::vector<std::string>> rows;
  for (const LinkedLibrary& library : all_libraries())
    rows.push_back({"  " + library.name, library.version, library.licence, library.gpl ? "GPL" : "no GPL"});
  return format_table(rows);
}

void print_text(const Runtime& runtime) {
  std::string targets;
  for (const std::string& target : simd_targets()) targets += (targets.empty() ? "" : " ") + target;
  fmt::print("smol {}\nmachine: {}\nSIMD targets: {}\n\ncodecs\n", SMOL_VERSION, machine_name(), targets);
  std::vector<std::vector<std::string>> rows;
  for (const auto& codec : runtime.codecs.codecs()) {
    rows.push_back({"  " + std::string(codec->name()), std::string(codec->description()), describe(codec->capabilities())});
  }
  for (const UnavailableCodec& entry : runtime.codecs.unavailable())
    rows.push_back({"  " + entry.name, "not available: " + entry.reason, entry.remedy});
  const Result<const VideoLibrary*> video = video_library();
  rows.push_back({"  video", video.ok() ? (*video)->description() : "not available",
                  video.ok() ? "frames by number and time, deblocking off, reduced resolution" : video.error().message});
  fmt::print("{}\nbackends\n", format_table(rows));
  rows.clear();
  for (const auto& backend : runtime.backends.backends()) {
    const BackendCapabilities& capabilities = backend->capabilities();
    rows.push_back(
        {"  " + std::string(backend->name()), backend->description(), capabilities.device_name, describe(capabilities)});
  }
  for (const UnavailableBackend& entry : runtime.backends.unavailable())
    rows.push_back({"  " + entry.name, "not available: " + entry.reason, entry.remedy});
  fmt::print(
      "{}\nlibraries\n{}\nA stop request is honoured between groups of rows and between items; the longest sections that "
      "cannot be stopped "
      "are\n"
      "one inference and one call into a codec library, bounded by --max-pixels.\n",
      format_table(rows), describe_libraries());
}

Json to_json(const Runtime& runtime) {
  Json json = describe_machine<Json>();
  describe_codecs<Json>(runtime, [&](Json entry) { json["codecs"].push_back(std::move(entry)); });
  json["video"] = describe_video<Json>();
  describe_backends<Json>(runtime, [&](Json entry) { json["backends"].push_back(std::move(entry)); });
  for (const LinkedLibrary& library : all_libraries()) json["libraries"].push_back(describe<Json>(library));
  return json;
}

}  // namespace

void add_info(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("info", "Codecs, backends, machine: what works here, what not and why");
  command->footer("Example:\n  smol info --json");
  command->callback([&context] {
    context.finish([&]() -> Status {
      SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
      if (context.json) {
        context.answer(to_json(runtime));
      } else {
        print_text(runtime);
      }
      return {};
    });
  });
}

}  // namespace smol::cli
