#include <array>
#include <filesystem>
#include <memory>

#include "backend/model_file.h"
#include "cli/array_file.h"
#include "cli/command.h"
#include "cli/output_file.h"
#include "optimizer/graph.h"
#include "planner/candidates.h"

namespace smol::cli {
namespace {

constexpr std::array<std::string_view, 1> kExtensions{".npy"};

struct PreprocessArguments {
  std::string file, model, graph, output, fidelity = "exact", region, background, fail_on = "truncated";
  LimitArguments limits;
};

/// One tensor to be written.
struct Output {
  std::string name, path, fidelity;
  PhysicalPipeline pipeline;
};

Result<std::vector<Output>> plan_model(const Runtime& runtime, const PreprocessArguments& arguments,
                                       const RenditionFacts& facts) {
  SMOL_ASSIGN_OR_RETURN(const ModelCard card, load_model_card(arguments.model, runtime.user_operators));
  PlanOptions every;
  every.all_fidelities = true;
  SMOL_ASSIGN_OR_RETURN(const std::vector<Plan> plans,
                        make_candidates(runtime, card, arguments.model, "full", facts, every));
  std::string fidelities;
  for (const Plan& candidate : plans) {
    if (candidate.fidelity == arguments.fidelity) {
      return std::vector<Output>{{card.name, arguments.output, candidate.fidelity, candidate.pipeline}};
    }
    if (fidelities.find(candidate.fidelity) == std::string::npos)
      fidelities += (fidelities.empty() ? "" : ", ") + candidate.fidelity;
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("no fidelity '{}' for this picture and model; there are: {}", arguments.fidelity, fidelities)};
}

Result<std::vector<Output>> plan_graph(const Runtime& runtime, const PreprocessArguments& arguments,
                                       const RenditionFacts& facts) {
  SMOL_ASSIGN_OR_RETURN(const PreprocessGraph graph, load_preprocess_graph(arguments.graph, runtime.user_operators));
  OptimizerInput input;
  input.context.codec = facts.codec;
  input.context.typical = facts.typical;
  SMOL_ASSIGN_OR_RETURN(const std::vector<OptimizerResult> results, optimize_graph(graph, input));
  SMOL_ASSIGN_OR_RETURN(const std::vector<Candidate> chosen, choose_fidelity(results, arguments.fidelity));
  const std::filesystem::path folder(arguments.output);
  std::vector<Output> outputs;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const std::string& name = graph.outputs[i].name;
    outputs.push_back({name, (folder / (name + ".npy")).string(), chosen[i].fidelity, chosen[i].pipeline});
  }
  return outputs;
}

/// The tensors of all outputs, from one decode.
class OutputTensors {
 public:
  static Result<OutputTensors> create(const std::vector<Output>& outputs) {
    OutputTensors tensors;
    for (const Output& output : outputs) {
      SMOL_ASSIGN_OR_RETURN(std::unique_ptr<Preprocessor> preprocessor, create_preprocessor(output.pipeline));
      const OutputSpec& spec = preprocessor->output();
      TensorSlot slot{nullptr, spec.dtype, spec.layout, spec.color, spec.width, spec.height};
      slot.data = tensors.memory_.emplace_back(slot.size_bytes() + 64).data();
      tensors.slots_.push_back(slot);
      tensors.pointers_.push_back(preprocessor.get());
      tensors.preprocessors_.push_back(std::move(preprocessor));
    }
    return tensors;
  }

  Result<DecodeReport> run(Decoder& decoder, ByteView bytes, const ImageHeader& header, const PreprocessOptions& options) {
    return run_many(decoder, bytes, header, options, pointers_, slots_);
  }

  [[nodiscard]] TensorView view(std::size_t index) const {
    const TensorSlot& slot = slots_[index];
    const std::int64_t channels = slot.channels();
    const Shape shape =
        slot.layout == Layout::kNCHW ? Shape{channels, slot.height, slot.width} : Shape{slot.height, slot.width, channels};
    return TensorView{slot.data, slot.dtype, shape};
  }

 private:
  std::vector<std::unique_ptr<Preprocessor>> preprocessors_;
  std::vector<Preprocessor*> pointers_;
  std::vector<std::vector<std::uint8_t>> memory_;
  std::vector<TensorSlot> slots_;
};

/// A model writes a file, a graph into a folder: what the name of the other promises is refused.
Status check_output(const PreprocessArguments& arguments) {
  if (arguments.graph.empty()) return check_extension(arguments.output, kExtensions);
  std::error_code ignored;
  if (extension_of(arguments.output).empty() || std::filesystem::is_directory(arguments.output, ignored)) return {};
  return Error{ErrorCode::kInvalidArgument,
               "the outputs of a graph go into a folder, as NAME.npy each; name one without an extension, or end it in a "
               "slash: " +
                   arguments.output};
}

Status write_outputs(const std::vector<Output>& outputs, const OutputTensors& tensors, bool is_graph) {
  if (is_graph) {
    const std::filesystem::path folder = std::filesystem::path(outputs.front().path).parent_path();
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure)
      return Error{ErrorCode::kIo, fmt::format("cannot make folder ({}): {}", failure.message(), folder.string())};
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    SMOL_RETURN_IF_ERROR(write_npy(outputs[i].path, tensors.view(i)));
  }
  return {};
}

/// A tensor of a damaged picture looks like any other: it is said beside it.
void warn_of_damage(const DecodeReport& report, const std::string& file) {
  if (report.truncated) {
    fmt::print(stderr, "smol: the picture ends early; what is missing was filled in: {}\n", file);
  } else if (report.recovered) {
    fmt::print(stderr, "smol: the picture is damaged; what could be had of it was used: {}\n", file);
  }
}

void print_outputs(const std::vector<Output>& outputs, const OutputTensors& tensors, const DecodeReport& report,
                   bool is_graph, Context& context) {
  Json json = Json::array();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Output& output = outputs[i];
    const TensorView tensor = tensors.view(i);
    json.push_back({{"output", output.path},
                    {"shape", tensor.shape},
                    {"dtype", name_of(tensor.dtype)},
                    {"fidelity", output.fidelity},
                    {"label", name_of(output.pipeline.label)},
                    {"pipeline", to_string(output.pipeline)}});
    if (context.json || context.quiet) continue;
    fmt::print("wrote {}: {} {}, {} ({})\n", output.path, name_of(tensor.dtype), to_string(tensor.shape), output.fidelity,
               name_of(output.pipeline.label));
  }
  if (!context.json) return;
  Json result = is_graph ? Json{{"outputs", json}} : json.front();
  result["status"] = status_of(report);
  result["rows_decoded"] = report.rows_decoded;
  result["warnings"] = report.warnings;
  context.answer(std::move(result));
}

// Detectors' boxes often stick out by a pixel: they are clipped, but not silently.
void warn_of_clipping(const Rect& region, Size picture) {
  const bool inside = region.x >= 0 && region.y >= 0 && std::int64_t{region.x} + region.width <= picture.width &&
                      std::int64_t{region.y} + region.height <= picture.height;
  if (inside) return;
  fmt::print(stderr, "smol: the region sticks out of the picture of {}x{} and is clipped: {},{},{},{}\n", picture.width,
             picture.height, region.x, region.y, region.width, region.height);
}

Status run(const PreprocessArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  const bool is_graph = !arguments.graph.empty();
  if (is_graph == !arguments.model.empty()) {
    return Error{ErrorCode::kInvalidArgument, "name either --model or --graph"};
  }
  SMOL_RETURN_IF_ERROR(check_output(arguments));
  std::vector<std::uint8_t> bytes;
  SMOL_RETURN_IF_ERROR(read_named(arguments.file, bytes));
  RenditionFacts facts;
  const Codec* codec = runtime.codecs.sniff(bytes);
  if (codec == nullptr) return runtime.codecs.unrecognised(bytes);
  facts.codec_name = codec->name();
  facts.codec = codec->capabilities();
  const std::unique_ptr<Decoder> decoder = codec->create_decoder();
  SMOL_ASSIGN_OR_RETURN(facts.typical, decoder->probe(bytes));
  PreprocessOptions options;
  SMOL_ASSIGN_OR_RETURN(options.fail_on, parse_fail_on(arguments.fail_on));
  SMOL_ASSIGN_OR_RETURN(options.background, parse_background(arguments.background));
  SMOL_ASSIGN_OR_RETURN(options.limits, parse_limits(arguments.limits));
  if (!arguments.region.empty()) {
    SMOL_ASSIGN_OR_RETURN(options.roi, parse_rect(arguments.region));
    warn_of_clipping(*options.roi, facts.typical.oriented_size());
  }
  SMOL_ASSIGN_OR_RETURN(const std::vector<Output> outputs,
                        is_graph ? plan_graph(runtime, arguments, facts) : plan_model(runtime, arguments, facts));
  SMOL_ASSIGN_OR_RETURN(OutputTensors tensors, OutputTensors::create(outputs));
  SMOL_ASSIGN_OR_RETURN(const DecodeReport report, tensors.run(*decoder, bytes, facts.typical, options));
  SMOL_RETURN_IF_ERROR(write_outputs(outputs, tensors, is_graph));
  warn_of_damage(report, arguments.file);
  print_outputs(outputs, tensors, report, is_graph, context);
  return {};
}

}  // namespace

void add_preprocess(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<PreprocessArguments>();
  CLI::App* command =
      program.add_subcommand("preprocess", "Write the tensor that a model would get for a picture, or all of a graph");
  command->add_option("FILE", arguments->file, "Picture (also archive!member, http://)")->required();
  command->add_option("--model", arguments->model, "Model card");
  command->add_option("--graph", arguments->graph, "Preprocessing graph (.yaml): several tensors from one decode");
  command->add_option("-o,--output", arguments->output, "out.npy; for a graph, a folder that gets NAME.npy of each output")
      ->required();
  command
      ->add_option("--fidelity", arguments->fidelity, "exact, or a reduced one such as scale4 (an unknown name lists them)")
      ->capture_default_str();
  command->add_option("--region", arguments->region,
                      "X,Y,WIDTH,HEIGHT of the oriented picture in place of the whole; what sticks out of it is cut off, as "
                      "`smol run` does");
  command->add_option("--fail-on", arguments->fail_on, "How strict decoding is")
      ->check(CLI::IsMember({"none", "truncated", "error", "warning"}))
      ->capture_default_str();
  add_background(*command, arguments->background);
  add_limits(*command, arguments->limits);
  command->footer(
      "Examples:\n  smol preprocess photo.jpg --model net.yaml -o tensor.npy\n"
      "  smol preprocess photo.jpg --graph graph.yaml -o tensors/");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
