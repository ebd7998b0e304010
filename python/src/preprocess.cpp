// smol/preprocess.h: pictures to tensors, and operators written in Python.
#include "smol/preprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/thread_budget.h"
#include "picture_preprocessor.h"
#include "python_operator.h"

namespace smol::python {
namespace {

template <typename Op>
bool contains(const std::vector<Operator>& operators) {
  return std::any_of(operators.begin(), operators.end(), [](const Operator& op) { return std::holds_alternative<Op>(op); });
}

// Operators as text, separated by | or newlines. As in a model card, what every tensor needs may be left out.
Result<LogicalPipeline> parse_pipeline(std::string_view text, const UserOperators& user_operators) {
  LogicalPipeline pipeline;
  std::vector<Operator>& operators = pipeline.operators;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("|\n");
    const std::string_view step = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (step.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    SMOL_ASSIGN_OR_RETURN(operators.emplace_back(), parse_operator(step, user_operators));
  }
  if (!contains<OrientOp>(operators)) operators.insert(operators.begin(), OrientOp{});
  if (!contains<ColorOp>(operators)) operators.emplace_back(ColorOp{});
  if (contains<NormalizeOp>(operators) && !contains<ConvertOp>(operators)) {
    const auto normalize = std::find_if(operators.begin(), operators.end(),
                                        [](const Operator& op) { return std::holds_alternative<NormalizeOp>(op); });
    operators.insert(normalize, ConvertOp{});
  }
  if (!contains<LayoutOp>(operators)) operators.emplace_back(LayoutOp{});
  return pipeline;
}

PreprocessOptions options_of(const std::string& fail_on, std::optional<std::int64_t> max_pixels) {
  PreprocessOptions options;
  options.fail_on = unwrap(parse_fail_on(fail_on));
  if (max_pixels) options.limits.max_pixels = *max_pixels;
  return options;
}

std::unique_ptr<PicturePreprocessor> make(PreprocessGraph graph, const std::string& fidelity, const std::string& fail_on,
                                          std::optional<std::int64_t> max_pixels) {
  std::vector<OutputSpec> outputs;
  for (const PreprocessGraph::Output& output : graph.outputs) outputs.push_back(unwrap(verify(output.pipeline)));
  return std::make_unique<PicturePreprocessor>(std::move(graph), fidelity, std::move(outputs),
                                               options_of(fail_on, max_pixels));
}

std::unique_ptr<PicturePreprocessor> from_text(const std::string& text, const std::string& fidelity,
                                               const std::string& fail_on, std::optional<std::int64_t> max_pixels,
                                               const UserOperators& user_operators) {
  return make({{{"tensor", unwrap(parse_pipeline(text, user_operators))}}}, fidelity, fail_on, max_pixels);
}

std::unique_ptr<PicturePreprocessor> from_card(const ModelCard& card, const std::string& fidelity,
                                               const std::string& fail_on, std::optional<std::int64_t> max_pixels) {
  return make({{{card.name, card.pipeline}}}, fidelity, fail_on, max_pixels);
}

std::unique_ptr<PicturePreprocessor> from_graph(const std::string& yaml, const std::string& folder,
                                                const std::string& fidelity, const std::string& fail_on,
                                                std::optional<std::int64_t> max_pixels,
                                                const UserOperators& user_operators) {
  return make(unwrap(parse_preprocess_graph(yaml, folder, user_operators)), fidelity, fail_on, max_pixels);
}

std::unique_ptr<PicturePreprocessor> from_graph_file(const std::string& path, const std::string& fidelity,
                                                     const std::string& fail_on, std::optional<std::int64_t> max_pixels,
                                                     const UserOperators& user_operators) {
  return make(unwrap(load_preprocess_graph(path, user_operators)), fidelity, fail_on, max_pixels);
}

std::unique_ptr<PicturePreprocessor> from_plan(const Plan& plan, const std::string& fail_on,
                                               std::optional<std::int64_t> max_pixels) {
  const OutputSpec output = unwrap(verify(plan.pipeline));
  return std::make_unique<PicturePreprocessor>(plan.pipeline, output, options_of(fail_on, max_pixels));
}

nb::object run_one(PicturePreprocessor& preprocessor, nb::handle picture) {
  const PictureInput input = unwrap(PictureInput::from(picture));
  const OutputSpec& output = preprocessor.output();
  ArrayMemory memory(preprocessor.slot(nullptr).size_bytes());
  {
    const nb::gil_scoped_release released;
    const TensorSlot slot = preprocessor.slot(memory.data());
    unwrap(preprocessor.run(input, {&slot, 1}, {}));
  }
  return to_numpy(std::move(memory), output.dtype, shape_of(output));
}

// All outputs by name, from one decode.
nb::dict run_all(PicturePreprocessor& preprocessor, nb::handle picture) {
  const PictureInput input = unwrap(PictureInput::from(picture));
  const std::size_t count = preprocessor.graph().outputs.size();
  std::vector<ArrayMemory> memory;
  std::vector<TensorSlot> slots;
  for (std::size_t i = 0; i < count; ++i) {
    slots.push_back(preprocessor.slot(memory.emplace_back(preprocessor.slot(nullptr, i).size_bytes()).data(), i));
  }
  {
    const nb::gil_scoped_release released;
    unwrap(preprocessor.run(input, slots, {}));
  }
  nb::dict tensors;
  for (std::size_t i = 0; i < count; ++i) {
    const OutputSpec& output = preprocessor.output(i);
    tensors[nb::cast(preprocessor.graph().outputs[i].name)] = to_numpy(std::move(memory[i]), output.dtype, shape_of(output));
  }
  return tensors;
}

std::vector<std::string> names_of(const PicturePreprocessor& preprocessor) {
  std::vector<std::string> names;
  for (const PreprocessGraph::Output& output : preprocessor.graph().outputs) names.push_back(output.name);
  return names;
}

// Pictures are taken one by one by as many threads as wanted; the first failure by position is the one that is told.
Status run_parallel(PicturePreprocessor& preprocessor, const std::vector<PictureInput>& inputs, std::uint8_t* memory,
                    int num_threads, const std::stop_token& stop) {
  const std::size_t bytes_each = preprocessor.slot(nullptr).size_bytes();
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::optional<std::pair<std::size_t, Error>> failure;
  const auto work = [&] {
    for (std::size_t i = next.fetch_add(1); i < inputs.size() && !stop.stop_requested(); i = next.fetch_add(1)) {
      const TensorSlot slot = preprocessor.slot(memory + i * bytes_each);
      Status done = preprocessor.run(inputs[i], {&slot, 1}, stop);
      if (done.ok()) continue;
      next.store(inputs.size());
      const std::scoped_lock lock(mutex);
      if (!failure || i < failure->first) failure.emplace(i, std::move(done).error());
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 1; i < num_threads; ++i) threads.emplace_back(work);
    work();
  }
  if (!failure) return {};
  Error error = std::move(failure->second);
  error.message = fmt::format("picture {} of the batch: {}", failure->first, error.message);
  return error;
}

nb::object run_batch(PicturePreprocessor& preprocessor, const nb::iterable& pictures, int threads) {
  std::vector<PictureInput> inputs;
  for (nb::handle picture : pictures) inputs.push_back(unwrap(PictureInput::from(picture)));
  const OutputSpec& output = preprocessor.output();
  ArrayMemory memory(preprocessor.slot(nullptr).size_bytes() * inputs.size());
  const int num_threads =
      std::clamp(threads > 0 ? threads : available_cores(), 1, std::max(1, static_cast<int>(inputs.size())));
  unwrap(run_interruptibly([&](const std::stop_token& stop) {
    return run_parallel(preprocessor, inputs, static_cast<std::uint8_t*>(memory.data()), num_threads, stop);
  }));
  std::vector<std::size_t> shape = shape_of(output);
  shape.insert(shape.begin(), inputs.size());
  return to_numpy(std::move(memory), output.dtype, std::move(shape));
}

}  // namespace

void bind_preprocess(nb::module_& module) {
  nb::class_<UserOperator>(module, "UserOperator", "An operator of a third party.")
      .def_prop_ro("name", [](const UserOperator& op) { return op.name(); });
  module.def(
      "python_operator",
      [](std::string name, nb::object apply, nb::object output_size, bool commutes_with_geometry,
         double operations_per_pixel) -> std::shared_ptr<UserOperator> {
        return std::make_shared<PythonOperator>(std::move(name), std::move(apply), std::move(output_size),
                                                commutes_with_geometry, operations_per_pixel);
      },
      "name"_a, "apply"_a, "output_size"_a.none(), "commutes_with_geometry"_a, "operations_per_pixel"_a);

  nb::class_<PicturePreprocessor>(module, "PicturePreprocessor", "Pictures to tensors. Thread-safe.")
      .def_static("from_text", from_text, "text"_a, "fidelity"_a, "fail_on"_a, "max_pixels"_a.none(), "user_operators"_a)
      .def_static("from_card", from_card, "card"_a, "fidelity"_a, "fail_on"_a, "max_pixels"_a.none())
      .def_static("from_graph", from_graph, "yaml"_a, "folder"_a, "fidelity"_a, "fail_on"_a, "max_pixels"_a.none(),
                  "user_operators"_a)
      .def_static("from_graph_file", from_graph_file, "path"_a, "fidelity"_a, "fail_on"_a, "max_pixels"_a.none(),
                  "user_operators"_a)
      .def_static("from_plan", from_plan, "plan"_a, "fail_on"_a, "max_pixels"_a.none())
      .def_prop_ro(
          "shape", [](const PicturePreprocessor& p) { return nb::tuple(nb::cast(shape_of(p.output()))); },
          nb::sig("def shape(self) -> tuple[int, int, int]"))
      .def_prop_ro("dtype", [](const PicturePreprocessor& p) { return name_of(p.output().dtype); })
      .def_prop_ro("layout", [](const PicturePreprocessor& p) { return name_of(p.output().layout); })
      .def_prop_ro("color", [](const PicturePreprocessor& p) { return name_of(p.output().color); })
      .def_prop_ro("names", names_of)
      .def("run_all", run_all, "picture"_a,
           nb::sig("def run_all(self, picture: object) -> dict[str, numpy.typing.NDArray[typing.Any]]"))
      .def("run", run_one, "picture"_a, nb::sig("def run(self, picture: object) -> numpy.typing.NDArray[typing.Any]"))
      .def("run_batch", run_batch, "pictures"_a, "threads"_a,
           nb::sig("def run_batch(self, pictures: collections.abc.Iterable[object], threads: int) -> "
                   "numpy.typing.NDArray[typing.Any]"));
}

}  // namespace smol::python
