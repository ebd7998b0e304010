#include <memory>

#include "cli/array_file.h"
#include "cli/command.h"
#include "planner/candidates.h"

namespace smol::cli {
namespace {

struct PreprocessArguments {
  std::string file, model, output, fidelity = "exact", region, fail_on = "truncated";
};

Status run(const PreprocessArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  SMOL_ASSIGN_OR_RETURN(const ModelCard card, load_model_card(arguments.model, runtime.user_operators));
  std::vector<std::uint8_t> bytes;
  SMOL_RETURN_IF_ERROR(read_file(arguments.file, bytes));
  RenditionFacts facts;
  facts.codec = runtime.codecs.sniff(bytes);
  if (facts.codec == nullptr) return runtime.codecs.unrecognised(bytes);
  const std::unique_ptr<Decoder> decoder = facts.codec->create_decoder();
  SMOL_ASSIGN_OR_RETURN(facts.typical, decoder->probe(bytes));
  PlanOptions every;
  every.all_fidelities = true;
  SMOL_ASSIGN_OR_RETURN(const std::vector<Plan> plans,
                        make_candidates(runtime, card, arguments.model, "full", facts, every));
  const Plan* plan = nullptr;
  std::string fidelities;
  for (const Plan& candidate : plans) {
    if (candidate.fidelity == arguments.fidelity && plan == nullptr) plan = &candidate;
    if (fidelities.find(candidate.fidelity) == std::string::npos)
      fidelities += (fidelities.empty() ? "" : ", ") + candidate.fidelity;
  }
  if (plan == nullptr) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("no fidelity '{}' for this picture and model; there are: {}", arguments.fidelity, fidelities)};
  }
  PreprocessOptions options;
  SMOL_ASSIGN_OR_RETURN(options.fail_on, parse_fail_on(arguments.fail_on));
  if (!arguments.region.empty()) {
    SMOL_ASSIGN_OR_RETURN(options.roi, parse_rect(arguments.region));
  }
  SMOL_ASSIGN_OR_RETURN(const std::unique_ptr<Preprocessor> preprocessor, create_preprocessor(plan->pipeline));
  const OutputSpec& output = preprocessor->output();
  TensorSlot slot{nullptr, output.dtype, output.layout, output.color, output.width, output.height};
  std::vector<std::uint8_t> memory(slot.size_bytes() + 64);
  slot.data = memory.data();
  if (auto report = preprocessor->run(*decoder, bytes, facts.typical, options, slot); !report.ok())
    return std::move(report).error();
  const std::int64_t channels = slot.channels();
  const Shape shape = output.layout == Layout::kNCHW ? Shape{channels, output.height, output.width}
                                                     : Shape{output.height, output.width, channels};
  SMOL_RETURN_IF_ERROR(write_npy(arguments.output, TensorView{memory.data(), output.dtype, shape}));
  if (context.json) {
    fmt::print("{}\n", Json{{"output", arguments.output},
                            {"shape", shape},
                            {"dtype", name_of(output.dtype)},
                            {"fidelity", plan->fidelity},
                            {"label", name_of(plan->pipeline.label)},
                            {"pipeline", to_string(plan->pipeline)}}
                           .dump(2));
  } else {
    fmt::print("wrote {}: {} {}, {} ({})\n", arguments.output, name_of(output.dtype), to_string(shape), plan->fidelity,
               name_of(plan->pipeline.label));
  }
  return {};
}

}  // namespace

void add_preprocess(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<PreprocessArguments>();
  CLI::App* command = program.add_subcommand("preprocess", "Write the tensor that a model would get for a picture");
  command->add_option("FILE", arguments->file, "Picture")->required();
  command->add_option("--model", arguments->model, "Model card")->required();
  command->add_option("-o,--output", arguments->output, "out.npy")->required();
  command
      ->add_option("--fidelity", arguments->fidelity, "exact, or a reduced one such as scale4 (an unknown name lists them)")
      ->capture_default_str();
  command->add_option("--region", arguments->region, "X,Y,WIDTH,HEIGHT of the oriented picture in place of the whole");
  command->add_option("--fail-on", arguments->fail_on, "How strict decoding is")
      ->check(CLI::IsMember({"none", "truncated", "error", "warning"}))
      ->capture_default_str();
  command->footer("Example:\n  smol preprocess photo.jpg --model net.yaml -o tensor.npy");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
