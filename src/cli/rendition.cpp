#include "engine/rendition.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/command.h"

namespace smol::cli {
namespace {

struct RenditionArguments {
  std::string dataset, format = "jpeg:90", output, filter = "bilinear", fail_on = "truncated";
  LimitArguments limits;
  int short_side = 161, workers = 0;
  bool resume = false, overwrite = false, upscale = false;
};

/// Neither the pictures themselves nor an earlier rendition are replaced unasked.
Status check_output(const RenditionArguments& arguments, const Dataset& dataset) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (arguments.resume && arguments.overwrite) {
    return Error{ErrorCode::kInvalidArgument,
                 "--resume keeps the files that are there, --overwrite replaces them: give one"};
  }
  const fs::path output = fs::weakly_canonical(arguments.output, ignored);
  for (const Dataset::Rendition& rendition : dataset.renditions) {
    const fs::path input = fs::weakly_canonical(rendition.path, ignored);
    const auto [end, rest] = std::mismatch(input.begin(), input.end(), output.begin(), output.end());
    if (!rendition.path.empty() && end == input.end() && fs::is_directory(input, ignored)) {
      return Error{ErrorCode::kInvalidArgument,
                   "a rendition must not be written among its pictures; name another folder: " + arguments.output};
    }
  }
  if (arguments.resume || arguments.overwrite || !fs::is_directory(output, ignored) || fs::is_empty(output, ignored))
    return {};
  return Error{
      ErrorCode::kInvalidArgument,
      "the folder is not empty; --resume keeps the files that are there, --overwrite replaces them: " + arguments.output};
}

Status run(const RenditionArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  RenditionOptions options;
  SMOL_ASSIGN_OR_RETURN(const Dataset dataset, open_input(runtime, arguments.dataset, context));
  if (!dataset.renditions.front().videos.empty()) {
    return Error{
        ErrorCode::kUnsupported,
        "stored forms of videos are not made here; ffmpeg makes them (-vf scale=-2:480 -c:v libx264 -g 250), and their "
        "frames are joined by time: " +
            arguments.dataset};
  }
  SMOL_RETURN_IF_ERROR(check_output(arguments, dataset));
  SMOL_ASSIGN_OR_RETURN(options.format, parse_encode_format(arguments.format));
  SMOL_ASSIGN_OR_RETURN(options.resize.filter, parse_filter(arguments.filter));
  SMOL_ASSIGN_OR_RETURN(options.fail_on, parse_fail_on(arguments.fail_on));
  SMOL_ASSIGN_OR_RETURN(options.limits, parse_limits(arguments.limits));
  options.resize.width = arguments.short_side;
  options.upscale = arguments.upscale;
  options.resume = arguments.resume;
  options.host_workers = arguments.workers;
  options.stop = context.stop;
  ProgressBar bar("rendition", context.quiet);
  options.on_progress = [&bar](const Progress& progress) { bar.update(progress); };
  warn_of_passed_over(dataset);
  context.stop_in_good_order("files that are done are kept");
  const std::unique_ptr<Source> source = dataset.open(dataset.renditions.front().name);
  const Result<RenditionReport> report = make_rendition(runtime, *source, arguments.output, options);
  bar.clear();
  if (!report.ok()) return report.error();
  if (context.json) {
    Json json{
        {"written", report->written}, {"skipped", report->skipped}, {"bytes", report->bytes}, {"seconds", report->seconds}};
    json["failures"] = Json::array();
    for (const auto& [item, error] : report->failures) {
      json["failures"].push_back({{"item", item}, {"code", name_of(error.code)}, {"message", error.message}});
    }
    context.answer(std::move(json));
  } else {
    const double mean_kb =
        report->written > 0 ? static_cast<double>(report->bytes) / 1000.0 / static_cast<double>(report->written) : 0.0;
    if (!context.quiet) {
      fmt::print("{} written to {} ({:.1f} KB each), {} there before, {} failed, {:.1f} s\n",
                 counted(report->written, "file"), arguments.output, mean_kb, report->skipped, report->failures.size(),
                 report->seconds);
    }
    for (const auto& [item, error] : report->failures) fmt::print(stderr, "  {}: {}\n", item, error.to_string());
  }
  if (!report->failures.empty()) context.exit_code = 1;
  return {};
}

}  // namespace

void add_rendition(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<RenditionArguments>();
  CLI::App* command =
      program.add_subcommand("rendition", "Make a stored form of a dataset: smaller pictures, another format");
  command
      ->add_option("DATASET", arguments->dataset,
                   "Folder, list (.txt: one item a line; # comments), archive, table, address, or dataset file (its first "
                   "rendition is read)")
      ->required();
  command->add_option("--short-side", arguments->short_side, "Length of the short side in pixels")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  command
      ->add_option("--format", arguments->format, "jpeg, jpeg:QUALITY, jpeg:QUALITY:444 (colour at full size), png or ppm")
      ->capture_default_str();
  command->add_option("--filter", arguments->filter, "Resampling")
      ->check(CLI::IsMember({"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"}))
      ->capture_default_str();
  command->add_option("-o,--output", arguments->output, "Folder to write to")->required();
  command->add_flag("--resume", arguments->resume, "Keep files that are there, if they were made with the same settings");
  command->add_flag("--overwrite", arguments->overwrite, "Replace files that are already there");
  command->add_flag("--upscale", arguments->upscale, "Enlarge pictures whose short side is smaller");
  command->add_option("--workers", arguments->workers, "Threads (default: the cores)")->check(CLI::Range(1, 1024));
  command->add_option("--fail-on", arguments->fail_on, "How strict decoding is")
      ->check(CLI::IsMember({"none", "truncated", "error", "warning"}))
      ->capture_default_str();
  add_limits(*command, arguments->limits);
  command->footer(
      "Examples:\n"
      "  smol rendition photos/ --short-side 161 --format png -o thumbnails/\n"
      "  smol rendition dataset.yaml --short-side 161 --format jpeg:75 -o thumbs75/ --resume");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
