#include "picture.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace smol::python {
namespace {

constexpr const char* kAllowed =
    "a picture is a path, encoded bytes, or an array of uint8 with shape (height, width), (height, width, 1) or (height, "
    "width, 3)";

Error not_a_picture(nb::handle object) {
  return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", kAllowed, nb::type_name(object.type()).c_str())};
}

using PictureArray = nb::ndarray<const std::uint8_t, nb::device::cpu>;

// Copies an array with any strides.
std::shared_ptr<Image> copy_dense(const PictureArray& array, PixelFormat format, int width, int height) {
  auto image = std::make_shared<Image>(format, width, height);
  const int channels = num_channels(format);
  const std::int64_t channel_stride = array.ndim() == 3 ? array.stride(2) : 1;
  for (int y = 0; y < height; ++y) {
    std::uint8_t* out = image->view().row(y);
    for (int x = 0; x < width; ++x) {
      const std::uint8_t* in = array.data() + y * array.stride(0) + x * array.stride(1);
      for (int channel = 0; channel < channels; ++channel) *out++ = in[channel * channel_stride];
    }
  }
  return image;
}

}  // namespace

Result<PictureInput> PictureInput::from(nb::handle object) {
  PictureInput input;
  if (nb::isinstance<nb::str>(object)) {
    input.content_ = nb::cast<std::string>(object);
  } else if (nb::isinstance<nb::bytes>(object)) {
    const auto bytes = nb::borrow<nb::bytes>(object);
    input.content_ = ByteView(static_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    input.owner_ = bytes;
  } else if (nb::hasattr(object, "__fspath__")) {
    input.content_ = nb::cast<std::string>(nb::str(object.attr("__fspath__")()));
  } else if (PyByteArray_Check(object.ptr()) || PyMemoryView_Check(object.ptr())) {
    // These may change or be resized under us.
    const auto bytes = nb::steal<nb::bytes>(PyBytes_FromObject(object.ptr()));
    if (!bytes.is_valid()) throw nb::python_error();
    return from(bytes);
  } else {
    return from_array(object);
  }
  return input;
}

Result<PictureInput> PictureInput::from_array(nb::handle object) {
  PictureArray array;
  if (!nb::try_cast(object, array, false)) return not_a_picture(object);
  const std::size_t channels = array.ndim() == 3 ? array.shape(2) : 1;
  if (array.ndim() < 2 || array.ndim() > 3 || (channels != 1 && channels != 3) || array.size() == 0) {
    std::string shape;
    for (std::size_t i = 0; i < array.ndim(); ++i) shape += (i > 0 ? ", " : "") + std::to_string(array.shape(i));
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: ({})", kAllowed, shape)};
  }
  constexpr std::size_t kMaxSide = 65'535;
  const std::size_t height = array.shape(0), width = array.shape(1);
  if (height > kMaxSide || width > kMaxSide) {
    return Error{ErrorCode::kLimitExceeded,
                 fmt::format("the sides of a picture are at most {}: {}x{}", kMaxSide, width, height)};
  }
  PictureInput input;
  ImageView view;
  view.format = channels == 1 ? PixelFormat::kGray8 : PixelFormat::kRgb8;
  view.width = static_cast<int>(width);
  view.height = static_cast<int>(height);
  const bool dense_rows = array.stride(1) == static_cast<std::int64_t>(channels) && array.stride(0) >= 0 &&
                          (channels == 1 || array.stride(2) == 1);
  if (dense_rows) {
    view.planes[0] = {const_cast<std::uint8_t*>(array.data()), array.stride(0), view.width, view.height};
  } else {
    input.dense_ = copy_dense(array, view.format, view.width, view.height);
    view = input.dense_->view();
  }
  input.content_ = view;
  input.owner_ = nb::borrow(object);
  return input;
}

Result<ByteView> PictureInput::bytes(std::vector<std::uint8_t>& buffer) const {
  if (const auto* path = std::get_if<std::string>(&content_)) {
    SMOL_RETURN_IF_ERROR(read_named(*path, buffer));
    return ByteView(buffer);
  }
  return std::get<ByteView>(content_);
}

Status PictureInput::copy_into(Item& item) const try {
  if (const auto* path = std::get_if<std::string>(&content_)) {
    if (Result<Item> named = item_named(*path); named.ok()) {
      item.stored = named->stored;
    } else {
      item.error = named.error();
    }
    item.path = *path;
  } else if (const auto* bytes = std::get_if<ByteView>(&content_)) {
    item.bytes = std::make_shared<const std::vector<std::uint8_t>>(bytes->begin(), bytes->end());
  } else if (dense_) {
    item.picture = dense_;
  } else {
    const auto& view = std::get<ImageView>(content_);
    auto image = std::make_shared<Image>(view.format, view.width, view.height);
    for (int y = 0; y < view.height; ++y) {
      std::memcpy(image->view().row(y), view.row(y), static_cast<std::size_t>(view.width) * bytes_per_pixel(view.format));
    }
    item.picture = std::move(image);
  }
  return {};
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "no memory left for a picture of the source"};
}

ArrayMemory::ArrayMemory(std::size_t bytes) : data_(std::aligned_alloc(64, (bytes + 127) / 64 * 64)) {
  if (!data_) throw Exception(Error{ErrorCode::kOutOfMemory, fmt::format("no memory left for an array of {} bytes", bytes)});
}

DenseArray::DenseArray(const ImageView& picture)
    : memory_(static_cast<std::size_t>(picture.width) * bytes_per_pixel(picture.format) * picture.height),
      shape_{static_cast<std::size_t>(picture.height), static_cast<std::size_t>(picture.width),
             static_cast<std::size_t>(num_channels(picture.format))} {
  const std::size_t row_bytes = static_cast<std::size_t>(picture.width) * bytes_per_pixel(picture.format);
  for (int y = 0; y < picture.height; ++y)
    std::memcpy(static_cast<std::uint8_t*>(memory_.data()) + row_bytes * y, picture.row(y), row_bytes);
}

void ArrayMemory::Free::operator()(void* memory) const { std::free(memory); }

}  // namespace smol::python
