#include "optimizer/form.h"

#include <algorithm>

namespace smol {
namespace {

bool is_geometry(const Operator& op) {
  return std::holds_alternative<OrientOp>(op) || is_resize(op) || is_crop(op) || std::holds_alternative<PadOp>(op);
}

bool is_gray(const Operator& op) {
  const auto* color = std::get_if<ColorOp>(&op);
  return color != nullptr && color->order == ColorOrder::kGray;
}

/// Pointwise with pointwise. Floats are normalised after they are made, gray is defined on bytes.
bool pointwise_commute(const Operator& a, const Operator& b) {
  if (a.index() == b.index()) return false;
  const auto on_values = [](const Operator& op) {
    return std::holds_alternative<ConvertOp>(op) || std::holds_alternative<NormalizeOp>(op);
  };
  if (on_values(a) && on_values(b)) return false;
  return !(is_gray(a) && on_values(b)) && !(is_gray(b) && on_values(a));
}

/// Pointwise with geometry. `may_pad`: the geometry may fill in zeros, which only normalize would change. (That a pad works
/// on bytes is verify's business.)
bool pointwise_commutes_with_geometry(const Operator& pointwise, const Operator& geometry, bool may_pad) {
  if (std::holds_alternative<LayoutOp>(pointwise)) return false;  // kernels work on interleaved pictures
  if (std::holds_alternative<NormalizeOp>(pointwise)) return !may_pad;
  // Gray of rounded colours differs from rounded grays by up to 3.
  return !is_gray(pointwise) || !is_resize(geometry);
}

bool commute(const Operator& a, const Operator& b, bool may_pad) {
  const auto* user = std::get_if<UserOp>(&a);
  if (user == nullptr) user = std::get_if<UserOp>(&b);
  if (user != nullptr) {
    const Operator& other = std::holds_alternative<UserOp>(a) ? b : a;
    return (is_resize(other) || is_crop(other)) && !may_pad && user->op->commutes_with_geometry();
  }
  if (is_pointwise(a) && is_pointwise(b)) return pointwise_commute(a, b);
  if (is_pointwise(a) && is_geometry(b)) return pointwise_commutes_with_geometry(a, b, may_pad);
  if (is_geometry(a) && is_pointwise(b)) return pointwise_commutes_with_geometry(b, a, may_pad);
  return false;
}

/// The smallest size the picture can have, whatever its size was at first.
Size smallest_after(const Operator& op, Size smallest) {
  if (const auto* resize = std::get_if<ResizeOp>(&op)) {
    switch (resize->mode) {
      case ResizeOp::Mode::kShortSide:
        return {resize->width, resize->width};
      case ResizeOp::Mode::kExact:
        return {resize->width, resize->height};
      default:
        return {1, 1};
    }
  }
  if (const auto* crop = std::get_if<CropOp>(&op)) return {crop->rect.width, crop->rect.height};
  if (const auto* crop = std::get_if<CenterCropOp>(&op)) return {crop->width, crop->height};
  if (const auto* pad = std::get_if<PadOp>(&op)) return {pad->width, pad->height};
  const auto* user = std::get_if<UserOp>(&op);
  if (user != nullptr && !user->op->commutes_with_geometry()) return {1, 1};
  return smallest;
}

/// Whether each operator of steps [first, first + 2) may pad: a centre crop of a picture that may be smaller.
std::vector<bool> which_may_pad(const PhysicalPipeline& form, std::size_t first) {
  Size smallest{1, 1};
  std::vector<bool> may_pad;
  for (std::size_t i = 0; i < first + 2; ++i) {
    for (const Operator& op : operators_of(form.host_steps[i])) {
      const auto* crop = std::get_if<CenterCropOp>(&op);
      if (i >= first) may_pad.push_back(crop != nullptr && (crop->width > smallest.width || crop->height > smallest.height));
      smallest = smallest_after(op, smallest);
    }
  }
  return may_pad;
}

/// What a resize works on.
struct ResizeInput {
  Filter filter = Filter::kNearest;
  bool converted = false, normalized = false;
};

std::vector<ResizeInput> resize_inputs(const std::vector<Operator>& operators) {
  std::vector<ResizeInput> inputs;
  ResizeInput state;
  for (const Operator& op : operators) {
    if (const auto* convert = std::get_if<ConvertOp>(&op)) state.converted = convert->dtype == DType::kF32;
    state.normalized = state.normalized || std::holds_alternative<NormalizeOp>(op);
    if (const auto* resize = std::get_if<ResizeOp>(&op)) {
      state.filter = resize->filter;
      inputs.push_back(state);
    }
  }
  return inputs;
}

/// "decode(...)", the first line of a pipeline's text.
std::string decode_line(const PhysicalPipeline& form) {
  const std::string lines = to_string(PhysicalPipeline{form.decode, {}, {}, form.label});
  return lines.substr(0, lines.find('\n'));
}

}  // namespace

std::span<const Operator> operators_of(const PhysicalStep& step) {
  if (const auto* single = std::get_if<SingleStep>(&step)) return {&single->op, 1};
  return std::get<FusedStep>(step).operators;
}

std::vector<Operator> operators_of(const PhysicalPipeline& form) {
  std::vector<Operator> operators;
  for (const PhysicalStep& step : form.host_steps) {
    const auto part = operators_of(step);
    operators.insert(operators.end(), part.begin(), part.end());
  }
  operators.insert(operators.end(), form.device_operators.begin(), form.device_operators.end());
  return operators;
}

bool is_pointwise(const Operator& op) {
  return std::holds_alternative<ConvertOp>(op) || std::holds_alternative<NormalizeOp>(op) ||
         std::holds_alternative<ColorOp>(op) || std::holds_alternative<LayoutOp>(op);
}

bool is_crop(const Operator& op) { return std::holds_alternative<CropOp>(op) || std::holds_alternative<CenterCropOp>(op); }

bool is_resize(const Operator& op) { return std::holds_alternative<ResizeOp>(op); }

const FusedStep* leading_fused_step(const PhysicalPipeline& form, bool (*predicate)(const Operator&)) {
  if (form.host_steps.empty()) return nullptr;
  const auto* fused = std::get_if<FusedStep>(&form.host_steps.front());
  return fused != nullptr && std::any_of(fused->operators.begin(), fused->operators.end(), predicate) ? fused : nullptr;
}

PhysicalStep make_step(std::vector<Operator> operators) {
  if (operators.size() == 1) return SingleStep{std::move(operators.front())};
  return FusedStep{std::move(operators)};
}

PhysicalPipeline with_steps(const PhysicalPipeline& form, std::size_t first, std::size_t count,
                            std::vector<PhysicalStep> replacement) {
  PhysicalPipeline changed = form;
  const auto begin = changed.host_steps.begin() + static_cast<std::ptrdiff_t>(first);
  const auto at = changed.host_steps.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  changed.host_steps.insert(at, std::make_move_iterator(replacement.begin()), std::make_move_iterator(replacement.end()));
  return changed;
}

bool may_exchange(const PhysicalPipeline& form, std::size_t first) {
  const auto left = operators_of(form.host_steps[first]), right = operators_of(form.host_steps[first + 1]);
  const std::vector<bool> may_pad = which_may_pad(form, first);
  for (std::size_t i = 0; i < left.size(); ++i) {
    for (std::size_t j = 0; j < right.size(); ++j) {
      if (!commute(left[i], right[j], may_pad[i] || may_pad[left.size() + j])) return false;
    }
  }
  return true;
}

FidelityLabel label_of_order(const PhysicalPipeline& form, const LogicalPipeline& logical) {
  const auto have = resize_inputs(operators_of(form)), want = resize_inputs(logical.operators);
  FidelityLabel label = FidelityLabel::kExact;
  for (std::size_t i = 0; i < std::min(have.size(), want.size()); ++i) {
    if (have[i].filter == Filter::kNearest) continue;  // copies samples
    const bool negative_lobes = have[i].filter == Filter::kBicubic || have[i].filter == Filter::kLanczos;
    if (have[i].converted != want[i].converted) {
      label = std::max(label, negative_lobes ? FidelityLabel::kLossy : FidelityLabel::kWithin1Lsb);
    } else if (have[i].normalized != want[i].normalized) {
      label = std::max(label, FidelityLabel::kWithin1Lsb);
    }
  }
  return label;
}

std::string one_line(std::span<const Operator> operators) {
  std::string text;
  for (const Operator& op : operators) text += (text.empty() ? "" : " | ") + to_string(op);
  return text;
}

std::string one_line(std::span<const PhysicalStep> steps) {
  std::string text;
  for (const PhysicalStep& step : steps) {
    const auto* fused = std::get_if<FusedStep>(&step);
    text += text.empty() ? "" : " | ";
    text += fused == nullptr ? one_line(operators_of(step)) : "[" + one_line(operators_of(step)) + "]";
  }
  return text;
}

std::string one_line(const PhysicalPipeline& form) {
  std::string text = decode_line(form) + " | " + one_line(form.host_steps);
  if (!form.device_operators.empty()) text += " | device: " + one_line(form.device_operators);
  return text;
}

std::pair<std::string, std::string> change_between(const PhysicalPipeline& before, const PhysicalPipeline& after) {
  if (!(before.decode == after.decode)) return {decode_line(before), decode_line(after)};
  std::span<const PhysicalStep> a = before.host_steps, b = after.host_steps;
  while (!a.empty() && !b.empty() && a.front() == b.front()) a = a.subspan(1), b = b.subspan(1);
  while (!a.empty() && !b.empty() && a.back() == b.back()) a = a.first(a.size() - 1), b = b.first(b.size() - 1);
  return {one_line(a), one_line(b)};
}

}  // namespace smol
