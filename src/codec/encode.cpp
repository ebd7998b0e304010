#include "codec/encode.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>

#include <jpeglib.h>

#include <jerror.h>
#include <spng.h>

#include <fmt/format.h>

#include <charconv>
#include <cstring>

namespace smol {
namespace {

struct JpegFailure {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

void leave_on_error(j_common_ptr info) {
  auto* failure = reinterpret_cast<JpegFailure*>(info->err);
  info->err->format_message(info, failure->message);
  std::longjmp(failure->jump, 1);
}

void ignore_message(j_common_ptr /*info*/) {}

// Where libjpeg's bytes go: appended to `out` a buffer at a time.
struct JpegDestination {
  jpeg_destination_mgr manager;
  std::vector<std::uint8_t>* out;
  JOCTET buffer[16384];
};

void begin_buffer(j_compress_ptr info) {
  auto* destination = reinterpret_cast<JpegDestination*>(info->dest);
  destination->manager.next_output_byte = destination->buffer;
  destination->manager.free_in_buffer = sizeof(destination->buffer);
}

void append_bytes(j_compress_ptr info, std::size_t size_bytes) {
  auto* destination = reinterpret_cast<JpegDestination*>(info->dest);
  bool appended = true;
  try {
    destination->out->insert(destination->out->end(), destination->buffer, destination->buffer + size_bytes);
  } catch (const std::bad_alloc&) {
    appended = false;  // no jump out of a handler
  }
  if (!appended) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
}

boolean append_full_buffer(j_compress_ptr info) {
  append_bytes(info, sizeof(JpegDestination::buffer));
  begin_buffer(info);
  return TRUE;
}

void append_rest(j_compress_ptr info) { append_bytes(info, sizeof(JpegDestination::buffer) - info->dest->free_in_buffer); }

// Only plain data between setjmp and longjmp: nothing here has a destructor.
bool compress_jpeg(const ImageView& picture, const EncodeFormat& format, JpegDestination& destination,
                   JpegFailure& failure) {
  jpeg_compress_struct info;
  info.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = leave_on_error;
  failure.manager.output_message = ignore_message;
  if (setjmp(failure.jump) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_create_compress(&info);
  info.dest = &destination.manager;
  info.image_width = static_cast<JDIMENSION>(picture.width);
  info.image_height = static_cast<JDIMENSION>(picture.height);
  info.input_components = bytes_per_pixel(picture.format);
  info.in_color_space = picture.format == PixelFormat::kGray8   ? JCS_GRAYSCALE
                        : picture.format == PixelFormat::kRgbx8 ? JCS_EXT_RGBX
                                                                : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, format.quality, TRUE);
  if (format.full_chroma) info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  info.dct_method = JDCT_ISLOW;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPLE*>(picture.row(static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

Status encode_jpeg(const ImageView& picture, const EncodeFormat& format, std::vector<std::uint8_t>& out) {
  auto failure = std::make_unique<JpegFailure>();
  auto destination = std::make_unique<JpegDestination>();
  destination->manager.init_destination = begin_buffer;
  destination->manager.empty_output_buffer = append_full_buffer;
  destination->manager.term_destination = append_rest;
  destination->out = &out;
  if (compress_jpeg(picture, format, *destination, *failure)) return {};
  return Error{failure->manager.msg_code == JERR_OUT_OF_MEMORY ? ErrorCode::kOutOfMemory : ErrorCode::kUnsupported,
               fmt::format("cannot encode JPEG, {}: {}x{}", failure->message, picture.width, picture.height)};
}

// Interleaved rows without gaps, three or one byte a pixel.
std::vector<std::uint8_t> packed_rows(const ImageView& picture) {
  const int from = bytes_per_pixel(picture.format), to = num_channels(picture.format);
  std::vector<std::uint8_t> packed(static_cast<std::size_t>(picture.width) * picture.height * to);
  for (int y = 0; y < picture.height; ++y) {
    const std::uint8_t* in = picture.row(y);
    std::uint8_t* row = packed.data() + static_cast<std::size_t>(y) * picture.width * to;
    if (from == to) {
      std::memcpy(row, in, static_cast<std::size_t>(picture.width) * to);
      continue;
    }
    for (int x = 0; x < picture.width; ++x) std::memcpy(row + x * to, in + x * from, to);
  }
  return packed;
}

Status encode_png(const ImageView& picture, std::vector<std::uint8_t>& out) {
  const std::unique_ptr<spng_ctx, void (*)(spng_ctx*)> context(spng_ctx_new(SPNG_CTX_ENCODER), spng_ctx_free);
  const std::vector<std::uint8_t> packed = packed_rows(picture);
  spng_ihdr header{};
  header.width = static_cast<std::uint32_t>(picture.width);
  header.height = static_cast<std::uint32_t>(picture.height);
  header.bit_depth = 8;
  header.color_type = num_channels(picture.format) == 1 ? SPNG_COLOR_TYPE_GRAYSCALE : SPNG_COLOR_TYPE_TRUECOLOR;
  int failure = spng_set_ihdr(context.get(), &header);
  if (failure == 0) failure = spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1);
  if (failure == 0)
    failure = spng_encode_image(context.get(), packed.data(), packed.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
  std::size_t size_bytes = 0;
  const std::unique_ptr<std::uint8_t, void (*)(void*)> bytes(
      failure == 0 ? static_cast<std::uint8_t*>(spng_get_png_buffer(context.get(), &size_bytes, &failure)) : nullptr,
      std::free);
  if (!bytes)
    return Error{failure == SPNG_EMEM ? ErrorCode::kOutOfMemory : ErrorCode::kUnsupported,
                 fmt::format("cannot encode PNG, {}: {}x{}", spng_strerror(failure), picture.width, picture.height)};
  out.insert(out.end(), bytes.get(), bytes.get() + size_bytes);
  return {};
}

Status encode_ppm(const ImageView& picture, std::vector<std::uint8_t>& out) {
  const std::string header =
      fmt::format("P{}\n{} {}\n255\n", num_channels(picture.format) == 1 ? 5 : 6, picture.width, picture.height);
  out.insert(out.end(), header.begin(), header.end());
  const std::vector<std::uint8_t> packed = packed_rows(picture);
  out.insert(out.end(), packed.begin(), packed.end());
  return {};
}

Status encode_as(const ImageView& picture, const EncodeFormat& format, std::vector<std::uint8_t>& out) {
  switch (format.kind) {
    case EncodeFormat::Kind::kJpeg:
      return encode_jpeg(picture, format, out);
    case EncodeFormat::Kind::kPng:
      return encode_png(picture, out);
    case EncodeFormat::Kind::kPpm:
      return encode_ppm(picture, out);
  }
  return {};
}

Error refused(std::string_view text) {
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("the format must be jpeg, jpeg:QUALITY (1..100), jpeg:QUALITY:SAMPLING (420, the default, or 444: "
                  "colour at full size), png or ppm: {}",
                  text)};
}

}  // namespace

std::string EncodeFormat::extension() const {
  switch (kind) {
    case Kind::kJpeg:
      return ".jpg";
    case Kind::kPng:
      return ".png";
    case Kind::kPpm:
      return ".ppm";
  }
  return "";
}

Result<EncodeFormat> parse_encode_format(std::string_view text) {
  EncodeFormat format;
  const std::string_view name = text.substr(0, text.find(':'));
  if (name == "png" && name == text) {
    format.kind = EncodeFormat::Kind::kPng;
    return format;
  }
  if (name == "ppm" && name == text) {
    format.kind = EncodeFormat::Kind::kPpm;
    return format;
  }
  if (name == "jpeg" || name == "jpg") {
    if (name == text) return format;
    std::string_view quality = text.substr(name.size() + 1);
    if (const std::size_t colon = quality.find(':'); colon != quality.npos) {
      const std::string_view sampling = quality.substr(colon + 1);
      if (sampling != "444" && sampling != "420") return refused(text);
      format.full_chroma = sampling == "444";
      quality = quality.substr(0, colon);
    }
    const auto [end, failure] = std::from_chars(quality.data(), quality.data() + quality.size(), format.quality);
    if (failure == std::errc{} && end == quality.data() + quality.size() && format.quality >= 1 && format.quality <= 100)
      return format;
  }
  return refused(text);
}

Status encode(const ImageView& picture, const EncodeFormat& format, std::vector<std::uint8_t>& out) {
  if (picture.format != PixelFormat::kRgb8 && picture.format != PixelFormat::kRgbx8 &&
      picture.format != PixelFormat::kGray8) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("only rgb8, rgbx8 and gray8 pictures can be encoded: {}", name_of(picture.format))};
  }
  if (picture.width < 1 || picture.height < 1)
    return Error{ErrorCode::kUnsupported,
                 fmt::format("a picture without pixels cannot be encoded: {}x{}", picture.width, picture.height)};
  const std::size_t size_before = out.size();
  Status status;
  try {
    status = encode_as(picture, format, out);
  } catch (const std::bad_alloc&) {
    status =
        Error{ErrorCode::kOutOfMemory, fmt::format("no memory to encode a picture: {}x{}", picture.width, picture.height)};
  }
  if (!status.ok()) out.resize(size_before);
  return status;
}

}  // namespace smol
