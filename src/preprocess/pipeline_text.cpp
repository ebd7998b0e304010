#include <array>
#include <charconv>

#include "preprocess/operator_text.h"
#include "smol/preprocess.h"

namespace smol {
namespace {

using UserOperators = std::vector<std::shared_ptr<const UserOperator>>;

constexpr std::array<PixelFormat, 5> kFormats{PixelFormat::kGray8, PixelFormat::kRgb8, PixelFormat::kBgr8,
                                              PixelFormat::kRgbx8, PixelFormat::kYcc8Planar};

std::string decode_text(const DecodeStep& step) {
  std::string text = "decode(scale=1/" + std::to_string(step.scale_denominator);
  text += std::string(", region=") + (step.region ? "true" : "false");
  text += std::string(", early_stop=") + (step.early_stop ? "true" : "false");
  text += ", format=" + std::string(name_of(step.format));
  if (step.thumbnail) text += ", thumbnail=true";
  if (step.deblocking != Deblocking::kAll) text += ", deblocking=" + std::string(name_of(step.deblocking));
  return text + ")";
}

std::string step_text(const PhysicalStep& step) {
  if (const auto* single = std::get_if<SingleStep>(&step)) return "single " + to_string(single->op);
  const auto& fused = std::get<FusedStep>(step);
  std::string text = "fused " + std::to_string(fused.coefficient_bits) + ":";
  for (std::size_t i = 0; i < fused.operators.size(); ++i) {
    text += (i == 0 ? " " : " | ") + to_string(fused.operators[i]);
  }
  return text;
}

Result<DecodeStep> parse_decode(std::string_view text) {
  SMOL_ASSIGN_OR_RETURN(const CallText call, parse_call(text));
  ArgumentReader reader(call);
  DecodeStep step;
  const std::string_view scale = reader.text("scale", "1/1");
  const char* end = scale.data() + scale.size();
  if (scale.substr(0, 2) != "1/" || std::from_chars(scale.data() + 2, end, step.scale_denominator).ptr != end) {
    return Error{ErrorCode::kInvalidArgument, "decode: scale must be 1/1, 1/2, 1/4, ...: " + std::string(scale)};
  }
  step.region = reader.boolean("region", false);
  step.early_stop = reader.boolean("early_stop", false);
  const std::string_view format = reader.text("format", name_of(step.format));
  bool known = false;
  for (const PixelFormat candidate : kFormats) {
    if (name_of(candidate) != format) continue;
    step.format = candidate;
    known = true;
  }
  if (!known) {
    return Error{ErrorCode::kInvalidArgument,
                 "decode: format must be one of gray8, rgb8, bgr8, rgbx8, ycc8_planar: " + std::string(format)};
  }
  step.thumbnail = reader.boolean("thumbnail", false);
  SMOL_ASSIGN_OR_RETURN(step.deblocking, parse_deblocking(reader.text("deblocking", name_of(step.deblocking))));
  SMOL_RETURN_IF_ERROR(reader.finish());
  return step;
}

Result<FusedStep> parse_fused(std::string_view text, const UserOperators& user_operators) {
  FusedStep step;
  const std::size_t colon = text.find(':');
  const std::string_view bits = text.substr(0, colon);
  const char* end = bits.data() + bits.size();
  if (colon == std::string_view::npos || std::from_chars(bits.data(), end, step.coefficient_bits).ptr != end) {
    return Error{ErrorCode::kInvalidArgument, "expected fused BITS: operator | operator ...: fused " + std::string(text)};
  }
  std::string_view rest = text.substr(colon + 1);
  while (rest.find_first_not_of(" \r") != std::string_view::npos) {
    const std::size_t bar = rest.find('|');
    SMOL_ASSIGN_OR_RETURN(Operator op, parse_operator(rest.substr(0, bar), user_operators));
    step.operators.push_back(std::move(op));
    rest = bar == std::string_view::npos ? std::string_view{} : rest.substr(bar + 1);
  }
  return step;
}

Status parse_line(std::string_view line, const UserOperators& user_operators, PhysicalPipeline& pipeline) {
  const auto after = [line](std::string_view prefix) { return line.substr(prefix.size()); };
  if (line.starts_with("decode(")) {
    SMOL_ASSIGN_OR_RETURN(pipeline.decode, parse_decode(line));
  } else if (line.starts_with("single ")) {
    SMOL_ASSIGN_OR_RETURN(Operator op, parse_operator(after("single "), user_operators));
    pipeline.host_steps.emplace_back(SingleStep{std::move(op)});
  } else if (line.starts_with("fused ")) {
    SMOL_ASSIGN_OR_RETURN(FusedStep step, parse_fused(after("fused "), user_operators));
    pipeline.host_steps.emplace_back(std::move(step));
  } else if (line.starts_with("device ")) {
    SMOL_ASSIGN_OR_RETURN(Operator op, parse_operator(after("device "), user_operators));
    pipeline.device_operators.push_back(std::move(op));
  } else if (line.starts_with("label ")) {
    SMOL_ASSIGN_OR_RETURN(pipeline.label, parse_fidelity_label(after("label ")));
  } else {
    return Error{ErrorCode::kInvalidArgument,
                 "a pipeline line begins with decode(...), single, fused, device or label: " + std::string(line)};
  }
  return {};
}

}  // namespace

std::string to_string(const PhysicalPipeline& pipeline) {
  std::string text = decode_text(pipeline.decode) + "\n";
  for (const PhysicalStep& step : pipeline.host_steps) text += step_text(step) + "\n";
  for (const Operator& op : pipeline.device_operators) text += "device " + to_string(op) + "\n";
  return text + "label " + std::string(name_of(pipeline.label)) + "\n";
}

Result<PhysicalPipeline> parse_physical_pipeline(std::string_view text, const UserOperators& user_operators) {
  PhysicalPipeline pipeline;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    text = newline == std::string_view::npos ? std::string_view{} : text.substr(newline + 1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
    if (!line.empty()) SMOL_RETURN_IF_ERROR(parse_line(line, user_operators, pipeline));
  }
  return pipeline;
}

}  // namespace smol
