// A foreign system on smol's public API: it brings a picture format and a way to execute models, takes the frontier of
// measured plans, chooses by its own rule, and runs the chosen plan over its own pictures into its own table.
//
//   foreign_system FOLDER        FOLDER receives models, cards and pictures

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

#include "brightness_backend.h"
#include "flat_codec.h"
#include "smol/session.h"

namespace {
namespace fs = std::filesystem;

/// What the system pays for.
struct Prices {
  double machine_second, wrong_answer;
};

/// The system's own choice: the plan with the least expected cost an item.
const smol::Plan* choose(const smol::PlanSet& plans, const Prices& prices) {
  const auto cost = [&](const smol::Plan& plan) {
    const double seconds = 1 / plan.measured->throughput.value;
    const double wrong = plan.measured->accuracy ? 1 - plan.measured->accuracy->value : 1;
    return seconds * prices.machine_second + wrong * prices.wrong_answer;
  };
  const auto cheapest = std::min_element(plans.plans.begin(), plans.plans.end(),
                                         [&](const smol::Plan& a, const smol::Plan& b) { return cost(a) < cost(b); });
  return cheapest == plans.plans.end() ? nullptr : &*cheapest;
}

/// The system's own table of answers.
class Table final : public smol::Sink {
 public:
  smol::Status write(std::span<const smol::Row> rows) override {
    for (const smol::Row& row : rows)
      labels_[row.item] = row.error ? row.error->to_string() : std::to_string(row.prediction.label);
    return {};
  }
  smol::Status finish(bool complete) override {
    complete_ = complete;
    return {};
  }
  [[nodiscard]] const std::map<std::string, std::string>& labels() const { return labels_; }
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  std::map<std::string, std::string> labels_;
  bool complete_ = false;
};

bool is_bright(int item) { return item % 3 == 0; }

// Every fourth picture has a middle that misleads who looks no further.
std::vector<std::uint8_t> picture(int item) {
  const auto shade = [item](bool bright) { return static_cast<std::uint8_t>(bright ? 190 + item : 5 + item); };
  const bool bright = is_bright(item);
  return foreign::encode_flat(40 + item, 60, shade(bright), shade(item % 4 == 0 ? !bright : bright));
}

void write_model(const fs::path& folder, const std::string& name, const std::string& model, const std::string& preprocess) {
  std::ofstream(folder / (name + ".brightness")) << model;
  std::ofstream(folder / (name + ".yaml"))
      << "format: 1\nfile: " << name << ".brightness\nbackend: brightness\ntask: classification\n"
      << "input: {layout: NHWC, dtype: u8, width: 16, height: 16}\npreprocess: " << preprocess << "\noutput: {classes: 2}\n";
}

/// Pictures with labels, a hasty model and a thorough one.
void write_inputs(const fs::path& folder) {
  fs::create_directories(folder / "pictures");
  std::ofstream labels(folder / "labels.csv");
  labels << "item,label\n";
  for (int item = 0; item < 30; ++item) {
    const std::string name = std::to_string(100 + item) + ".flat";
    const std::vector<std::uint8_t> bytes = picture(item);
    std::ofstream(folder / "pictures" / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    labels << name << "," << (is_bright(item) ? 1 : 0) << "\n";
  }
  write_model(folder, "hasty", "16 0", "{resize: {width: 48, height: 48}, crop: {width: 16, height: 16}}");
  write_model(folder, "thorough", "16 1000", "{resize: {width: 16, height: 16}}");
  std::ofstream(folder / "dataset.yaml")
      << "renditions: {full: {path: pictures}}\nlabels: labels.csv\nmodels: [hasty.yaml, thorough.yaml]\n";
}

smol::Status run(const fs::path& folder) {
  smol::Runtime runtime;
  SMOL_RETURN_IF_ERROR(runtime.codecs.add(foreign::create_flat_codec()));
  SMOL_RETURN_IF_ERROR(runtime.backends.add(foreign::create_brightness_backend()));

  write_inputs(folder);
  const auto recognise = [&runtime](smol::ByteView bytes) { return runtime.codecs.sniff(bytes) != nullptr; };
  SMOL_ASSIGN_OR_RETURN(const smol::Dataset dataset,
                        smol::open_dataset((folder / "dataset.yaml").string(), {.recognise = recognise}));
  smol::PlanOptions options;
  options.repeats = 1;
  SMOL_ASSIGN_OR_RETURN(const smol::PlanSet plans, smol::plan(runtime, dataset, options));
  const smol::Plan* chosen = choose(plans, Prices{.machine_second = 0.0001, .wrong_answer = 0.01});
  if (chosen == nullptr) return smol::Error{smol::ErrorCode::kNotFound, "the frontier is empty"};
  for (const smol::Plan& plan : plans.plans) {
    std::printf("%s %-24s %8.0f items/s, accuracy %.2f\n", &plan == chosen ? "*" : " ", plan.id.c_str(),
                plan.measured->throughput.value, plan.measured->accuracy->value);
  }
  if (chosen->model_name != "thorough") return smol::Error{smol::ErrorCode::kInternal, "these prices pay for care"};

  // Pictures from the system's own store, one by one; the last is damaged.
  constexpr int kNumItems = 200;
  const auto source = smol::from_generator([next = 0]() mutable -> std::optional<smol::Item> {
    if (next == kNumItems) return std::nullopt;
    std::vector<std::uint8_t> bytes = picture(next % 60);
    if (next == kNumItems - 1) bytes.resize(bytes.size() / 2);
    smol::Item item;
    item.id = std::to_string(next++);
    item.bytes = std::make_shared<const std::vector<std::uint8_t>>(std::move(bytes));
    return item;
  });
  std::vector<smol::CompiledPlan> compiled;
  SMOL_ASSIGN_OR_RETURN(smol::CompiledPlan ready, smol::compile(runtime, *chosen));
  compiled.push_back(std::move(ready));
  Table table;
  SMOL_ASSIGN_OR_RETURN(const smol::RunReport report, smol::execute(runtime, compiled, *source, table));

  int right = 0;
  for (const auto& [item, label] : table.labels()) right += label == (is_bright(std::stoi(item) % 60) ? "1" : "0") ? 1 : 0;
  std::printf("%d items, %d answers as expected; the last: %s\n", static_cast<int>(report.items), right,
              table.labels().at(std::to_string(kNumItems - 1)).c_str());
  if (!table.complete() || report.error_rows != 1 || right != kNumItems - 1) {
    return smol::Error{smol::ErrorCode::kInternal, "not every answer is as expected"};
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: foreign_system FOLDER\n");
    return 2;
  }
  const smol::Status done = run(argv[1]);
  if (done.ok()) return 0;
  std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
  return smol::exit_code_of(done.error().code);
}
