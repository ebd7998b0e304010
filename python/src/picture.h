#pragma once
#include <nanobind/ndarray.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "binding.h"

namespace smol::python {

/// A picture as Python hands it over: a path, encoded bytes, or an array (height, width[, 1 or 3]) of uint8.
/// Borrows the memory of Python objects, which it keeps alive; made and destroyed with the GIL, read without.
class PictureInput {
 public:
  /// kInvalidArgument says what is allowed.
  [[nodiscard]] static Result<PictureInput> from(nb::handle object);

  /// Encoded bytes; a path is read into `buffer`. Not for decoded pictures.
  Result<ByteView> bytes(std::vector<std::uint8_t>& buffer) const;
  /// The decoded picture, or null.
  [[nodiscard]] const ImageView* picture() const { return std::get_if<ImageView>(&content_); }
  /// Adds what it holds to an item; memory is copied, so that the item outlives the Python object.
  Status copy_into(Item& item) const;

 private:
  PictureInput() = default;
  static Result<PictureInput> from_array(nb::handle object);

  std::variant<std::string, ByteView, ImageView> content_;
  nb::object owner_;
  std::shared_ptr<Image> dense_;  ///< where an array's rows are not dense in themselves
};

/// Memory for an array that goes to Python, 64-byte aligned as SIMD stores and tensor libraries like it.
class ArrayMemory {
 public:
  explicit ArrayMemory(std::size_t bytes);
  [[nodiscard]] void* data() const { return data_.get(); }
  /// A NumPy array over this memory, which it takes over. With the GIL.
  template <typename Scalar>
  nb::ndarray<nb::numpy, Scalar> to_numpy(std::vector<std::size_t> shape) && {
    void* data = data_.release();
    const nb::capsule owner(data, [](void* memory) noexcept { Free{}(memory); });
    return nb::ndarray<nb::numpy, Scalar>(data, shape.size(), shape.data(), owner);
  }

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  std::unique_ptr<void, Free> data_;
};

/// The pixels of a picture (height, width, channels) without gaps. Made without the GIL.
class DenseArray {
 public:
  explicit DenseArray(const ImageView& picture);
  /// With the GIL.
  nb::ndarray<nb::numpy, std::uint8_t> to_numpy() && { return std::move(memory_).to_numpy<std::uint8_t>(shape_); }

 private:
  ArrayMemory memory_;
  std::vector<std::size_t> shape_;
};

}  // namespace smol::python
