// A user operator in a plug-in: inverts pictures, pixel by pixel.
#include <memory>

#include "smol/session.h"

namespace {

class Invert final : public smol::UserOperator {
 public:
  [[nodiscard]] std::string_view name() const override { return "invert"; }
  [[nodiscard]] smol::Result<smol::Size> output_size(smol::Size input) const override { return input; }
  smol::Status apply(const smol::ImageView& in, smol::ImageView& out) const override {
    for (int y = 0; y < in.height; ++y) {
      for (int x = 0; x < 3 * in.width; ++x) out.row(y)[x] = static_cast<std::uint8_t>(255 - in.row(y)[x]);
    }
    return {};
  }
};

}  // namespace

extern "C" const char* smol_register_v1(smol::Runtime& runtime) {
  runtime.user_operators.push_back(std::make_shared<Invert>());
  return nullptr;
}
