#pragma once
#include <string>

#include "binding.h"

namespace smol::python {

/// A UserOperator whose work is a Python callable: array (height, width, 3) of uint8 → array. Runs with the GIL, so that all
/// workers share one core while they are in it. What the callable raises becomes the error of the item.
class PythonOperator final : public UserOperator {
 public:
  /// `output_size(width, height) -> (width, height)` may be None: the size stays. Made with the GIL.
  PythonOperator(std::string name, nb::object apply, nb::object output_size, bool commutes_with_geometry,
                 double operations_per_pixel);
  ~PythonOperator() override;
  PythonOperator(const PythonOperator&) = delete;
  PythonOperator& operator=(const PythonOperator&) = delete;

  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] Result<Size> output_size(Size input) const override;
  [[nodiscard]] bool commutes_with_geometry() const override { return commutes_with_geometry_; }
  [[nodiscard]] double operations_per_pixel() const override { return operations_per_pixel_; }
  Status apply(const ImageView& in, ImageView& out) const override;

 private:
  Status apply_with_gil(const ImageView& in, ImageView& out) const;

  const std::string name_;
  nb::object apply_, output_size_;
  const bool commutes_with_geometry_;
  const double operations_per_pixel_;
};

}  // namespace smol::python
