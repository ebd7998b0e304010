#include "backend/openvino/openvino_graph.h"

#include <algorithm>
#include <array>
#include <map>
#include <openvino/op/constant.hpp>
#include <openvino/op/reshape.hpp>

#include "backend/openvino/openvino_errors.h"

namespace smol {
namespace {

/// Compiling merges the names of nodes that it eliminates into an output's; the result node still begins with the model's
/// own.
std::string name_of_port(const ov::Output<const ov::Node>& port) {
  std::string node = port.get_node()->get_friendly_name();
  if (port.get_names().empty()) return node;
  const std::string own = node.substr(0, node.rfind("/sink_port_"));
  return port.get_names().contains(own) ? own : port.get_any_name();
}

/// Fills open dimensions of a four-dimensional input.
void fill_size(ov::PartialShape& shape, const OutputSpec& picture) {
  const int channels = picture.color == ColorOrder::kGray ? 1 : 3;
  const bool planar = picture.layout == Layout::kNCHW;
  const std::array<std::int64_t, 3> size = planar ? std::array<std::int64_t, 3>{channels, picture.height, picture.width}
                                                  : std::array<std::int64_t, 3>{picture.height, picture.width, channels};
  for (std::size_t i = 0; i < size.size(); ++i) {
    if (shape[i + 1].is_dynamic()) shape[i + 1] = size[i];
  }
}

/// A reshape target whose first dimension follows the batch; empty when it should stay as it is.
///   [1, 1001]     => [-1, 1001]
///   [24, 2, 1936] => [-1, 2, 1936]   the batch folded into the first dimension (channel shuffles)
///   [1, -1, 4]    => [0, -1, 4]      0 copies the input's first dimension
std::vector<std::int64_t> freed_dimensions(std::vector<std::int64_t> dimensions) {
  if (dimensions.empty() || dimensions[0] < 1) return {};
  const bool all_positive = std::all_of(dimensions.begin(), dimensions.end(), [](std::int64_t d) { return d > 0; });
  if (!all_positive && dimensions[0] != 1) return {};
  dimensions[0] = all_positive ? -1 : 0;
  return dimensions;
}

}  // namespace

std::int64_t batch_in_file(const ov::Model& model) {
  const ov::PartialShape shape = model.inputs().at(0).get_partial_shape();
  if (shape.rank().is_dynamic() || shape.size() == 0 || shape[0].is_dynamic()) return 0;
  return shape[0].get_length();
}

void set_batch(ov::Model& model, std::int64_t batch, const std::optional<OutputSpec>& picture) {
  const std::int64_t old_batch = batch_in_file(model);
  std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
  for (const ov::Output<ov::Node>& input : model.inputs()) {
    ov::PartialShape shape = input.get_partial_shape();
    if (shape.rank().is_dynamic()) continue;
    if (shape.size() > 0 && (shape[0].is_dynamic() || shape[0].get_length() == old_batch)) shape[0] = batch;
    if (picture && shape.size() == 4 && shapes.empty()) fill_size(shape, *picture);
    shapes[input] = shape;
  }
  model.reshape(shapes);
}

bool free_constant_reshapes(ov::Model& model) {
  bool changed = false;
  for (const std::shared_ptr<ov::Node>& node : model.get_ordered_ops()) {
    const auto reshape = ov::as_type_ptr<ov::op::v1::Reshape>(node);
    if (!reshape) continue;
    const auto target = ov::as_type_ptr<ov::op::v0::Constant>(reshape->get_input_node_shared_ptr(1));
    const ov::PartialShape shape = reshape->get_input_partial_shape(0);
    if (!target || shape.rank().is_dynamic() || shape.size() == 0 || shape[0] != ov::Dimension(1)) continue;
    const std::vector<std::int64_t> dimensions = freed_dimensions(target->cast_vector<std::int64_t>());
    if (dimensions.empty()) continue;
    reshape->input(1).replace_source_output(
        ov::op::v0::Constant::create(ov::element::i64, ov::Shape{dimensions.size()}, dimensions));
    reshape->set_special_zero(true);
    changed = true;
  }
  if (changed) model.validate_nodes_and_infer_types();
  return changed;
}

Result<std::vector<TensorSpec>> specs_of(const std::vector<ov::Output<const ov::Node>>& ports) {
  std::vector<TensorSpec> specs;
  for (const ov::Output<const ov::Node>& port : ports) {
    TensorSpec spec;
    spec.name = name_of_port(port);
    SMOL_ASSIGN_OR_RETURN(spec.dtype, dtype_of(port.get_element_type(), spec.name));
    const ov::PartialShape& shape = port.get_partial_shape();
    for (std::size_t i = 0; shape.rank().is_static() && i < shape.size(); ++i) {
      spec.shape.push_back(shape[i].is_static() ? shape[i].get_length() : -1);
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace smol
