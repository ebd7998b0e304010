#include "optimizer/explain.h"

#include <algorithm>
#include <cstdio>

namespace smol {
namespace {

std::string number(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// Millions of 8-bit multiply-adds.
std::string cost_text(double cost) { return number("%.3f", cost / 1e6); }

std::string parts_text(const OpCost& cost) {
  std::string text = "decode " + cost_text(cost.decode) + ", host " + cost_text(cost.host);
  if (cost.device > 0) text += ", device " + cost_text(cost.device);
  if (cost.transfer > 0) text += ", transfer " + cost_text(cost.transfer);
  return text;
}

std::string difference_text(const OpCost& cost, const OpCost& chosen) {
  return chosen.total() > 0 ? number("%+.1f %%", (cost.total() / chosen.total() - 1) * 100) : std::string("+0.0 %");
}

std::string typical_text(const OptimizerInput& input) {
  const ImageHeader& typical = input.context.typical;
  const Size size = typical.oriented_size();
  std::string text = std::to_string(size.width) + "x" + std::to_string(size.height);
  if (typical.compressed_bytes > 0) text += ", " + std::to_string(typical.compressed_bytes) + " bytes";
  if (typical.channels == 3) {
    text += ", chroma " + std::to_string(typical.chroma_horizontal) + "x" + std::to_string(typical.chroma_vertical);
  }
  if (typical.progressive) text += ", progressive";
  if (typical.predicted) text += ", a frame of a video";
  if (typical.thumbnail.width > 0) {
    text += ", thumbnail " + std::to_string(typical.thumbnail.width) + "x" + std::to_string(typical.thumbnail.height);
  }
  if (input.context.all_gray) text += ", all gray";
  if (input.context.all_upright) text += ", all upright";
  return text;
}

std::string counts_text(const OptimizerResult& result) {
  std::string text = "forms: " + std::to_string(result.num_generated) + " generated, " + std::to_string(result.num_pruned) +
                     " pruned, " + std::to_string(result.num_costed) + " costed\n";
  if (result.generation_stopped) text += "  generation stopped at the limit of forms: a cheaper one may have been missed\n";
  for (const RuleTrace& rule : result.rules) {
    if (rule.num_pruned > 0) text += "  pruned by " + rule.name + ": " + std::to_string(rule.num_pruned) + "\n";
  }
  return text;
}

/// The same candidate with its end on the device, in one line.
std::string placement_text(const Candidate& candidate, const Candidate& chosen) {
  return "  or on the device: " + one_line(candidate.pipeline.device_operators) + ", cost " +
         cost_text(candidate.cost.total()) + " (" + difference_text(candidate.cost, chosen.cost) + "; " +
         parts_text(candidate.cost) + ")\n";
}

std::string candidate_text(const Candidate& candidate, const Candidate& chosen, bool is_chosen) {
  std::string text = is_chosen ? "chosen: " : "choice: ";
  text += candidate.fidelity + " (" + std::string(name_of(candidate.pipeline.label)) + "), cost " +
          cost_text(candidate.cost.total()) + " (";
  if (!is_chosen) text += difference_text(candidate.cost, chosen.cost) + "; ";
  text += parts_text(candidate.cost) + ")\n";
  for (const std::string& note : candidate.notes) text += "  because: " + note + "\n";
  const std::string lines = to_string(candidate.pipeline);
  const std::size_t label = lines.rfind("label ");
  for (std::size_t begin = 0; begin < label;) {
    const std::size_t end = lines.find('\n', begin);
    text += "  " + lines.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return text;
}

std::string rejected_text(const OptimizerResult& result, std::size_t limit) {
  if (result.rejected.empty()) return {};
  const Candidate& chosen = result.candidates.front();
  std::string text = "rejected:\n";
  for (std::size_t i = 0; i < std::min(limit, result.rejected.size()); ++i) {
    const Candidate& candidate = result.rejected[i];
    text += "  " + candidate.fidelity + ", cost " + cost_text(candidate.cost.total()) + " (" +
            difference_text(candidate.cost, chosen.cost) + "): " + one_line(candidate.pipeline) + "\n";
  }
  if (result.rejected.size() > limit) text += "  and " + std::to_string(result.rejected.size() - limit) + " more\n";
  return text;
}

std::string rules_text(const OptimizerResult& result, bool timings) {
  std::string text, disabled;
  for (const RuleTrace& rule : result.rules) {
    if (rule.disabled) disabled += (disabled.empty() ? "" : ", ") + rule.name;
    for (const auto& [before, after] : rule.fired) text += "  " + rule.name + ": " + before + " => " + after + "\n";
    for (const std::string& note : rule.notes) text += "  " + rule.name + ": " + note + "\n";
    if (timings && !rule.disabled) text += "  " + rule.name + ": " + number("%.0f", rule.microseconds) + " us\n";
  }
  if (!text.empty()) text.insert(0, "rules:\n");
  if (!disabled.empty()) text += "disabled rules: " + disabled + "\n";
  return text;
}

}  // namespace

std::string explain(const OptimizerInput& input, const OptimizerResult& result, const ExplainOptions& options) {
  std::string text = "logical: " + one_line(input.logical.operators) + "\n";
  if (!(result.logical == input.logical)) text += "simplified: " + one_line(result.logical.operators) + "\n";
  text += "typical picture: " + (input.codec_name.empty() ? "" : input.codec_name + ", ") + typical_text(input) + "\n";
  text += counts_text(result);
  const Candidate& chosen = result.candidates.front();
  for (std::size_t i = 0; i < result.candidates.size(); ++i) {
    const Candidate& candidate = result.candidates[i];
    const bool placed =
        !candidate.pipeline.device_operators.empty() && i > 0 && result.candidates[i - 1].fidelity == candidate.fidelity;
    text += placed ? placement_text(candidate, chosen) : candidate_text(candidate, chosen, i == 0);
  }
  return text + rejected_text(result, options.max_rejected) + rules_text(result, options.timings);
}

}  // namespace smol
