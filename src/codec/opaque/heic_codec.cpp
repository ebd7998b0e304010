/// HEIC by libheif, which applies the file's own cropping, rotation and mirroring; EXIF orientations are no part of HEIF and
/// are not looked at. Alpha is dropped.

#include <libheif/heif.h>

#include <algorithm>
#include <cstdlib>

#include "codec/isolated/isolated_codec.h"
#include "codec/opaque/opaque_decoder.h"

namespace smol {
namespace {

struct FreeHeif {
  void operator()(heif_context* context) const { heif_context_free(context); }
  void operator()(heif_image_handle* handle) const { heif_image_handle_release(handle); }
  void operator()(heif_image* image) const { heif_image_release(image); }
  void operator()(heif_decoding_options* options) const { heif_decoding_options_free(options); }
  void operator()(heif_color_profile_nclx* profile) const { heif_nclx_color_profile_free(profile); }
};
template <typename T>
using Owned = std::unique_ptr<T, FreeHeif>;

class HeicDecoder final : public OpaqueDecoder {
 public:
  HeicDecoder() : OpaqueDecoder("heic") {}

 protected:
  Result<ImageHeader> open(ByteView bytes, FailOn fail_on) override;
  Result<DecodedPixels> read(const DecodeRequest& request, const Rect& wanted, Size size) override;
  void close() override {
    thumbnail_.reset();
    image_.reset();
    handle_.reset();
    context_.reset();
  }

 private:
  [[nodiscard]] static Error failure(const heif_error& failed);
  void find_thumbnail(ImageHeader& header);
  Result<DecodedPixels> reduce(const heif_image& image, const Rect& wanted, int bits);

  Owned<heif_context> context_;
  Owned<heif_image_handle> handle_, thumbnail_;
  Owned<heif_image> image_;
  bool too_large_ = false;
  GrowOnlyBuffer pixels_;
};

Error HeicDecoder::failure(const heif_error& failed) {
  const std::string what = failed.message;
  switch (failed.code) {
    case heif_error_Memory_allocation_error:
      if (failed.subcode == heif_suberror_Security_limit_exceeded) {
        return error(ErrorCode::kLimitExceeded, "a limit of libheif was passed: " + what);
      }
      return error(ErrorCode::kOutOfMemory, "no memory to decode a HEIC: " + what);
    case heif_error_Unsupported_feature:
    case heif_error_Unsupported_filetype:
      return error(ErrorCode::kUnsupported, "libheif cannot decode this HEIC: " + what);
    default:
      return error(failed.subcode == heif_suberror_End_of_data ? ErrorCode::kTruncated : ErrorCode::kCorrupt,
                   "HEIC is corrupt: " + what);
  }
}

/// The largest thumbnail whose sides are in proportion to the picture's: others show something else, or are turned.
void HeicDecoder::find_thumbnail(ImageHeader& header) {
  constexpr int kMaxThumbnails = 8;
  heif_item_id ids[kMaxThumbnails];
  const int count = heif_image_handle_get_list_of_thumbnail_IDs(handle_.get(), ids, kMaxThumbnails);
  for (int i = 0; i < count; ++i) {
    heif_image_handle* found = nullptr;
    if (heif_image_handle_get_thumbnail(handle_.get(), ids[i], &found).code != heif_error_Ok) continue;
    Owned<heif_image_handle> thumbnail(found);
    const std::int64_t width = heif_image_handle_get_width(found), height = heif_image_handle_get_height(found);
    if (width <= header.thumbnail.width || height <= 0 || width >= header.width || height >= header.height) continue;
    // Sides are rounded: as much difference as one pixel of the thumbnail makes.
    if (std::abs(width * header.height - height * header.width) > std::max(header.width, header.height)) continue;
    header.thumbnail.width = static_cast<int>(width);
    header.thumbnail.height = static_cast<int>(height);
    thumbnail_ = std::move(thumbnail);
  }
  if (thumbnail_ == nullptr) return;
  // libheif does not tell the size of an item: in proportion to the pixels.
  const double pixels = static_cast<double>(header.width) * header.height;
  const double share = static_cast<double>(header.thumbnail.width) * header.thumbnail.height;
  header.thumbnail.compressed_bytes =
      1 + static_cast<std::int64_t>(static_cast<double>(header.compressed_bytes) * share / (pixels + share));
  header.compressed_bytes -= std::min(header.thumbnail.compressed_bytes, header.compressed_bytes - 1);
}

Result<ImageHeader> HeicDecoder::open(ByteView bytes, FailOn /*fail_on*/) {
  close();
  too_large_ = false;
  ImageHeader header;
  header.planar = false;
  header.max_scale_denominator = 1;
  header.compressed_bytes = static_cast<std::int64_t>(bytes.size());
  context_.reset(heif_context_alloc());
  if (context_ == nullptr) return error(ErrorCode::kOutOfMemory, "no memory to decode a HEIC");
  heif_context_set_max_decoding_threads(context_.get(), 0);
  heif_error status = heif_context_read_from_memory_without_copy(context_.get(), bytes.data(), bytes.size(), nullptr);
  heif_image_handle* primary = nullptr;
  if (status.code == heif_error_Ok) status = heif_context_get_primary_image_handle(context_.get(), &primary);
  handle_.reset(primary);
  if (status.code != heif_error_Ok) {
    constexpr std::int64_t kLargestOfLibheif = 32768LL * 32768;
    const Size claimed = largest_claimed_extent(bytes);
    if (std::int64_t{claimed.width} * claimed.height <= kLargestOfLibheif) return failure(status);
    too_large_ = true;
    header.width = claimed.width;
    header.height = claimed.height;
    return header;
  }
  header.width = heif_image_handle_get_width(primary);
  header.height = heif_image_handle_get_height(primary);
  if (header.width <= 0 || header.height <= 0) return error(ErrorCode::kCorrupt, "HEIC is corrupt: the picture is empty");
  header.bits = std::max(heif_image_handle_get_luma_bits_per_pixel(primary), 8);
  header.alpha = heif_image_handle_has_alpha_channel(primary) != 0;
  header.chroma_horizontal = header.chroma_vertical = 2;  // what cameras write; libheif does not tell
  header.num_frames = std::max(heif_context_get_number_of_top_level_images(context_.get()), 1);
  find_thumbnail(header);
  return header;
}

Result<DecodedPixels> HeicDecoder::read(const DecodeRequest& request, const Rect& wanted, Size size) {
  if (too_large_) {
    return error(ErrorCode::kLimitExceeded,
                 "larger than libheif decodes: " + std::to_string(size.width) + "x" + std::to_string(size.height));
  }
  const heif_image_handle* const handle = request.thumbnail ? thumbnail_.get() : handle_.get();
  heif_color_profile_nclx* nclx = nullptr;
  if (heif_image_handle_get_nclx_color_profile(handle_.get(), &nclx).code == heif_error_Ok && nclx != nullptr) {
    const Owned<heif_color_profile_nclx> profile(nclx);
    const std::string_view transfer = hdr_transfer_name(static_cast<int>(nclx->transfer_characteristics));
    if (!transfer.empty()) return hdr_error(transfer);
  }
  const Owned<heif_decoding_options> options(heif_decoding_options_alloc());
  if (options == nullptr) return error(ErrorCode::kOutOfMemory, "no memory to decode a HEIC");
  options->strict_decoding = request.fail_on >= FailOn::kError ? 1 : 0;
  const int bits = std::max(heif_image_handle_get_luma_bits_per_pixel(handle), 8);
  heif_image* decoded = nullptr;
  const heif_error status =
      heif_decode_image(handle, &decoded, heif_colorspace_RGB,
                        bits > 8 ? heif_chroma_interleaved_RRGGBB_LE : heif_chroma_interleaved_RGB, options.get());
  image_.reset(decoded);
  if (status.code != heif_error_Ok) return failure(status);
  if (heif_image_get_primary_width(decoded) != size.width || heif_image_get_primary_height(decoded) != size.height) {
    return error(ErrorCode::kCorrupt, "HEIC is corrupt: the picture has another size than its header says");
  }
  return reduce(*decoded, wanted, bits);
}

Result<DecodedPixels> HeicDecoder::reduce(const heif_image& image, const Rect& wanted, int bits) {
  int stride = 0;
  const std::uint8_t* const plane = heif_image_get_plane_readonly(&image, heif_channel_interleaved, &stride);
  if (plane == nullptr) return error(ErrorCode::kCorrupt, "HEIC is corrupt: no pixels");
  DecodedPixels pixels;
  pixels.channels = 3;
  pixels.complete_rows = wanted.height;
  pixels.warnings = heif_image_get_decoding_warnings(image_.get(), 0, nullptr, 0);
  pixels.recovered = pixels.warnings > 0;
  if (bits <= 8) {
    pixels.stride_bytes = stride;
    pixels.data = plane + std::ptrdiff_t{wanted.y} * stride + std::ptrdiff_t{wanted.x} * 3;
    return pixels;
  }
  // libheif drops the low bits when it is asked for 8.
  const std::ptrdiff_t row_samples = std::ptrdiff_t{wanted.width} * 3;
  std::uint8_t* const reduced = pixels_.reserve(static_cast<std::size_t>(row_samples) * wanted.height);
  const int max_value = (1 << std::min(heif_image_get_bits_per_pixel_range(&image, heif_channel_interleaved), 16)) - 1;
  for (int y = 0; y < wanted.height; ++y) {
    const std::uint8_t* const from = plane + std::ptrdiff_t{wanted.y + y} * stride + std::ptrdiff_t{wanted.x} * 6;
    for (std::ptrdiff_t i = 0; i < row_samples; ++i) {
      const int value = from[2 * i] | from[2 * i + 1] << 8;
      reduced[y * row_samples + i] = to_eight_bits(std::min(value, max_value), max_value);
    }
  }
  pixels.stride_bytes = row_samples;
  pixels.data = reduced;
  return pixels;
}

}  // namespace
}  // namespace smol

extern "C" __attribute__((visibility("default"))) smol::Codec* smol_create_codec_v1() {
  return smol::create_opaque_codec("heic", std::string("libheif ") + heif_get_version(),
                                   []() -> std::unique_ptr<smol::Decoder> { return std::make_unique<smol::HeicDecoder>(); })
      .release();
}
