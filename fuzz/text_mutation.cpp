/// Breaks valid cards, plans, profiles, graphs and datasets in fixed-seed ways and reads them: `text_mutation [COUNT]
/// [SEED]`. COUNT (2,000) mutations a format. Nothing may crash or take over 2 s; what is read must print to text that reads
/// back to the same.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "smol/plan.h"
#include "smol/profile.h"
#include "smol/source.h"
#include "temporary_folder.h"

namespace {

using smol::testing::TemporaryFolder;

constexpr double kMaxSeconds = 2.0;
/// Ends a call that hangs; SIGALRM's default action is a visible failure.
constexpr unsigned kWatchdogSeconds = 30;

constexpr const char* kCard = R"(format: 1
name: net
file: net.bin
task: classification
input: {name: input, layout: NCHW, dtype: f32, width: 224, height: 224, color: RGB}
preprocess:
  resize: {short_side: 256, filter: bilinear}
  crop: {width: 224, height: 224}
  mean: [127, 127.5, 127]
  scale: [128, 128, 1.28e2]
output: {name: logits, activation: softmax, classes: 1000, label_offset: 1}
licence: Apache-2.0
)";
constexpr const char* kGraph = R"(format: 1
nodes:
  small: {from: picture, operators: [{resize: {short_side: 64, filter: box}}]}
  center: {from: small, operators: [{center_crop: {width: 48, height: 48}}]}
  tiny: {from: small, operators: [{resize: {width: 16, height: 16}}, {convert: f32}]}
outputs: [center, tiny]
)";
constexpr const char* kProfile = R"(format: 1
machine: one of two
cores: 4
shares_host_cores: false
overlap_exponents: [1.1, 0.98]
preprocess:
  - {rendition: full, items_per_s: [527, 530.5], transfer_bytes: 150528, max_difference: 17, pipeline: "decode(scale=1/1)\n"}
inference:
  - {model: net, model_digest: "xxh3:01", precision: bf16, batch: 64, items_per_s: [4513], latency_us: 14000.5}
accuracy:
  - {model: net, rendition: full, accuracy: [0.75, 0.7, 0.8], items: 60, agreement: true}
breakdown:
  - {rendition: full, model: net, decode_us: 1200, infer_us: 221.5}
)";
constexpr const char* kDataset = R"(renditions:
  full: {path: pictures}
labels: labels.csv
regions: regions.csv
calibration: [a.jpg]
)";
constexpr const char* kLabels = "item,label\na.jpg,3\nb.jpg,0\n\"c,d.jpg\",7\n";
constexpr const char* kRegions =
    "item,region,x,y,width,height\na.jpg,left,0,0,10,12\na.jpg,right,5,5,10,12\nb.jpg,all,0,0,3,3\n";

/// What YAML and CSV readers stumble over.
constexpr const char* kFragments[] = {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                                      "{",
                                      "}",
                                      ": ",
                                      "\n- ",
                                      "\n  ",
                                      "&a ",
                                      "*a",
                                      "!!binary ",
                                      "~",
                                      "99999999999999999999",
                                      "-1",
                                      "1e999",
                                      ".nan",
                                      "\"",
                                      "'",
                                      "\t",
                                      "\r",
                                      "|\n",
                                      "---\n",
                                      "\xff\xfe",
                                      "\xc3",
                                      "#",
                                      ",",
                                      "<<: *a",
                                      "? ",
                                      "null",
                                      "%YAML 9.9\n"};

std::string mutate(const std::string& seed, std::mt19937& random) {
  std::string text = seed;
  const auto position = [&] { return text.empty() ? 0 : random() % text.size(); };
  for (unsigned edits = random() % 4 == 0 ? 4 : 1; edits > 0; --edits) {
    switch (random() % 5) {
      case 0:
        if (!text.empty()) text[position()] = static_cast<char>(random());
        break;
      case 1:
        text.erase(position(), random() % 24);
        break;
      case 2:
        text.insert(position(), kFragments[random() % std::size(kFragments)]);
        break;
      case 3:
        text.insert(position(), text.substr(position(), random() % 40));
        break;
      default:
        text.resize(position());
    }
  }
  if (random() % 200 == 0) text += std::string(100'000, "[{-\n"[random() % 4]);
  return text;
}

/// A format: where its text comes from, and what is wrong with how a text was read, if anything.
struct Format {
  const char* name;
  std::string seed;
  std::function<std::string(const std::string& text, int& num_read)> check;
};

template <typename Parse>
auto check_round_trip(Parse parse) {
  return [parse](const std::string& text, int& num_read) -> std::string {
    const auto first = parse(text);
    if (!first.ok()) return first.error().message.empty() ? "an error without a message" : "";
    ++num_read;
    const std::string printed = to_yaml(*first);
    const auto second = parse(printed);
    if (!second.ok()) return "does not read what it printed, " + second.error().message + ":\n" + printed;
    return to_yaml(*second) == printed ? "" : "reads something else than it printed:\n" + printed;
  };
}

std::string check_dataset(const TemporaryFolder& folder, int& num_read) {
  const auto dataset = smol::open_dataset(folder.path("dataset.yaml"));
  if (!dataset.ok()) return dataset.error().message.empty() ? "an error without a message" : "";
  ++num_read;
  if (!dataset->labels.empty() && dataset->labels.size() != dataset->item_ids.size())
    return "labels are not parallel to items";
  if (!dataset->regions.empty() && dataset->regions.size() != dataset->item_ids.size())
    return "regions are not parallel to items";
  return "";
}

std::vector<Format> list_formats(const TemporaryFolder& folder) {
  folder.write("net.bin", "weights");
  std::filesystem::create_directories(folder.path("pictures"));
  for (const char* picture : {"pictures/a.jpg", "pictures/b.jpg", "pictures/c,d.jpg"})
    folder.write(picture, "not a picture");
  const auto reset = [&folder] {
    folder.write("dataset.yaml", kDataset);
    folder.write("labels.csv", kLabels);
    folder.write("regions.csv", kRegions);
  };
  const auto check_file = [&folder, reset](const char* file) {
    return [&folder, reset, file](const std::string& text, int& num_read) {
      reset();
      folder.write(file, text);
      return check_dataset(folder, num_read);
    };
  };
  const std::string models = folder.path();
  const smol::ModelCard card = smol::parse_model_card(kCard, models).value();
  smol::Plan plan;
  plan.id = "net/full/exact";
  plan.model = "net.yaml";
  plan.model_name = card.name;
  plan.pipeline.host_steps.emplace_back(smol::FusedStep{card.pipeline.operators, 22});
  plan.predicted = smol::PlanPrediction{130.5, 150.25, 110.125, 400.75, 150.25, 9000.5, false, "host cores"};
  smol::PlanMeasurement& measured = plan.measured.emplace();
  measured.throughput = {123.456, 100.1, 150.9};
  measured.accuracy = smol::Estimate{0.875, 0.8, 0.93};
  measured.num_items = 64;
  measured.accuracy_change = smol::Estimate{-0.0125, -0.04, 0.015};
  smol::PlanSet plans;
  plans.decision.constraint = "accuracy at least 0.9";
  plans.decision.met = false;
  plans.decision.reason = "undecided, needs about 250 more labels";
  plans.decision.min_accuracy = 0.9;
  plans.chosen = plan.id;
  plans.plans = {plan};
  return {
      {"model card", kCard,
       check_round_trip([models](const std::string& text) { return smol::parse_model_card(text, models); })},
      {"plan file", to_yaml(plans), check_round_trip([](const std::string& text) { return smol::parse_plans(text); })},
      {"profile", kProfile, check_round_trip([](const std::string& text) { return smol::parse_profile(text); })},
      {"preprocessing graph", kGraph,
       [models](const std::string& text, int& num_read) -> std::string {
         const auto graph = smol::parse_preprocess_graph(text, models);
         if (!graph.ok()) return graph.error().message.empty() ? "an error without a message" : "";
         ++num_read;
         return graph->outputs.empty() ? "a graph without outputs" : "";
       }},
      {"dataset", kDataset, check_file("dataset.yaml")},
      {"labels", kLabels, check_file("labels.csv")},
      {"regions", kRegions, check_file("regions.csv")},
  };
}

bool run(const Format& format, unsigned count, unsigned first_seed) {
  std::mt19937 random(first_seed);
  int num_read = 0;
  if (const std::string violation = format.check(format.seed, num_read); !violation.empty() || num_read == 0) {
    std::fprintf(stderr, "%s: the seed is not read: %s\n", format.name, violation.c_str());
    return false;
  }
  for (unsigned i = 0; i < count; ++i) {
    const std::string text = mutate(format.seed, random);
    alarm(kWatchdogSeconds);
    const auto start = std::chrono::steady_clock::now();
    std::string violation = format.check(text, num_read);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (violation.empty() && seconds > kMaxSeconds) violation = "took " + std::to_string(seconds) + " s";
    if (!violation.empty()) {
      std::fprintf(stderr, "%s, mutation %u: %s\nof\n%s\n", format.name, i, violation.c_str(), text.substr(0, 4000).c_str());
      return false;
    }
  }
  std::printf("%s: %u mutations, %d of them read\n", format.name, count, num_read);
  return num_read > static_cast<int>(count / 100);
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned count = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 2000;
  const unsigned seed = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1;
  const TemporaryFolder folder;
  for (const Format& format : list_formats(folder)) {
    if (!run(format, count, seed)) return 1;
  }
  return 0;
}
