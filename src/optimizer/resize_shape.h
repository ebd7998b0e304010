#pragma once
#include <optional>

#include "optimizer/form.h"
#include "smol/codec.h"

namespace smol {

/// The one resize of a form, as a typical picture meets it.
struct ResizeShape {
  ResizeOp resize;
  double shrink = 1;     ///< stored size over resized size
  int cropped_side = 0;  ///< larger side of the centre crop behind it; 0: there is none

  /// What is resized that little is a thumbnail made for such a model; more would be another picture.
  [[nodiscard]] bool is_near_stored_size() const { return shrink > 0.8 && shrink < 1.25; }
  [[nodiscard]] bool changes_size() const { return shrink < 0.999 || shrink > 1.001; }
};

/// nullopt when the form does not have exactly one resize, before which nothing changes the size, or decodes at another
/// scale.
[[nodiscard]] std::optional<ResizeShape> find_resize(const PhysicalPipeline& form, const ImageHeader& typical);
/// The form with another resize in the place of its own, labelled lossy: the model gets another picture.
[[nodiscard]] PhysicalPipeline with_resize(const PhysicalPipeline& form, const ResizeOp& resize);

}  // namespace smol
