#include "unit/codec/jpeg_fixture.h"

#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

#include <random>
#include <stdexcept>

namespace smol::testing {
namespace {

int channels_of(const JpegFixture& fixture) {
  if (fixture.color == "gray") return 1;
  return fixture.color == "cmyk" || fixture.color == "ycck" ? 4 : 3;
}

std::vector<std::uint8_t> make_pixels(const JpegFixture& fixture) {
  const int channels = channels_of(fixture);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(fixture.width) * fixture.height * channels);
  std::mt19937 random(fixture.seed);
  std::size_t at = 0;
  for (int y = 0; y < fixture.height; ++y) {
    for (int x = 0; x < fixture.width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const int square = x / 16 * 67 + y / 16 * 101;
        const int noise = fixture.flat ? 0 : static_cast<int>(random() % 128);
        pixels[at++] = static_cast<std::uint8_t>(fixture.flat ? square & 255 : (x * (c + 1) + y * (3 - c) + noise) & 255);
      }
    }
  }
  return pixels;
}

void set_colors(jpeg_compress_struct& info, const JpegFixture& fixture) {
  info.input_components = channels_of(fixture);
  if (fixture.color == "gray") {
    info.in_color_space = JCS_GRAYSCALE;
  } else {
    info.in_color_space = info.input_components == 4 ? JCS_CMYK : JCS_RGB;
  }
  jpeg_set_defaults(&info);
  if (fixture.color == "rgb") jpeg_set_colorspace(&info, JCS_RGB);
  if (fixture.color == "ycck") jpeg_set_colorspace(&info, JCS_YCCK);
}

void set_coding(jpeg_compress_struct& info, const JpegFixture& fixture, std::vector<jpeg_scan_info>& scans) {
  jpeg_set_quality(&info, fixture.quality, TRUE);
  for (int i = 0; i < info.num_components; ++i) {
    const bool full = fixture.color == "gray" || fixture.color == "cmyk" || fixture.color == "rgb" || i == 0 || i == 3;
    const bool subsampled_color = fixture.color == "ycc" || fixture.color == "ycck";
    info.comp_info[i].h_samp_factor = full && subsampled_color ? fixture.horizontal : 1;
    info.comp_info[i].v_samp_factor = full && subsampled_color ? fixture.vertical : 1;
  }
  info.restart_interval = static_cast<unsigned>(fixture.restart_interval);
  info.arith_code = fixture.arithmetic ? TRUE : FALSE;
  info.optimize_coding = fixture.optimized ? TRUE : FALSE;
  if (fixture.progressive) jpeg_simple_progression(&info);
  if (fixture.separate_scans) {
    for (int i = 0; i < info.num_components; ++i) scans.push_back(jpeg_scan_info{1, {i, 0, 0, 0}, 0, 63, 0, 0});
    info.scan_info = scans.data();
    info.num_scans = static_cast<int>(scans.size());
  }
}

}  // namespace

std::string JpegFixture::name() const {
  return color + std::to_string(horizontal) + "x" + std::to_string(vertical) + (progressive ? "_progressive" : "") +
         (arithmetic ? "_arithmetic" : "") + (separate_scans ? "_separate" : "") +
         (restart_interval > 0 ? "_restart" + std::to_string(restart_interval) : "") + "_" + std::to_string(width) + "x" +
         std::to_string(height);
}

std::vector<std::uint8_t> encode_jpeg(const JpegFixture& fixture) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* encoded = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &encoded, &size);
  info.image_width = static_cast<JDIMENSION>(fixture.width);
  info.image_height = static_cast<JDIMENSION>(fixture.height);
  std::vector<jpeg_scan_info> scans;
  set_colors(info, fixture);
  set_coding(info, fixture, scans);
  jpeg_start_compress(&info, TRUE);
  auto pixels = make_pixels(fixture);
  const std::size_t stride = static_cast<std::size_t>(fixture.width) * info.input_components;
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = pixels.data() + info.next_scanline * stride;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  std::vector<std::uint8_t> bytes(encoded, encoded + size);
  jpeg_destroy_compress(&info);
  std::free(encoded);
  return bytes;
}

std::vector<std::uint8_t> with_thumbnail(const std::vector<std::uint8_t>& jpeg, const std::vector<std::uint8_t>& thumbnail,
                                         int orientation) {
  std::vector<std::uint8_t> tiff{'I', 'I', 42, 0, 8, 0, 0, 0};
  const auto put = [&tiff](std::uint32_t value, int num_bytes) {
    for (int i = 0; i < num_bytes; ++i) tiff.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  const auto put_directory = [&put](const std::vector<std::pair<int, std::uint32_t>>& entries, std::uint32_t next) {
    put(static_cast<std::uint32_t>(entries.size()), 2);
    for (const auto& [tag, value] : entries) {
      put(static_cast<std::uint32_t>(tag), 2);
      put(4, 2);  // LONG
      put(1, 4);
      put(value, 4);
    }
    put(next, 4);
  };
  constexpr std::uint32_t kSecond = 8 + 2 + 12 + 4, kData = kSecond + 2 + 2 * 12 + 4;
  put_directory({{0x0112, static_cast<std::uint32_t>(orientation)}}, kSecond);
  put_directory({{0x0201, kData}, {0x0202, static_cast<std::uint32_t>(thumbnail.size())}}, 0);
  tiff.insert(tiff.end(), thumbnail.begin(), thumbnail.end());
  const std::size_t length = 2 + 6 + tiff.size();
  std::vector<std::uint8_t> bytes{
      0xFF, 0xD8, 0xFF, 0xE1, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length), 'E', 'x',
      'i',  'f',  0,    0};
  bytes.insert(bytes.end(), tiff.begin(), tiff.end());
  bytes.insert(bytes.end(), jpeg.begin() + 2, jpeg.end());
  return bytes;
}

LibjpegPicture decode_by_libjpeg(const std::vector<std::uint8_t>& bytes, int denominator, LibjpegOutput output) {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes.data(), bytes.size());
  jpeg_read_header(&info, TRUE);
  const bool rgb = output == LibjpegOutput::kRgb;
  info.out_color_space = rgb ? JCS_RGB : JCS_YCbCr;
  info.do_fancy_upsampling = rgb ? TRUE : FALSE;
  info.scale_denom = static_cast<unsigned>(denominator);
  jpeg_start_decompress(&info);
  LibjpegPicture picture{{static_cast<int>(info.output_width), static_cast<int>(info.output_height)}, {}};
  picture.pixels.resize(std::size_t{3} * info.output_width * info.output_height);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = picture.pixels.data() + std::size_t{3} * info.output_width * info.output_scanline;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return picture;
}

Status Collector::begin(const Rect& delivered, Size scaled_size, PixelFormat format) {
  collected_.delivered = delivered;
  collected_.scaled_size = scaled_size;
  collected_.format = format;
  next_row_ = delivered.y;
  return {};
}

bool Collector::rows(int y, const ImageView& rows) {
  const bool planar = rows.format == PixelFormat::kYcc8Planar;
  if (y != next_row_ || rows.format != collected_.format || rows.width != collected_.delivered.width) {
    throw std::logic_error("rows out of order or not as announced");
  }
  collected_.plane_sizes.resize(planar ? 3 : 1);
  for (int i = 0; i < (planar ? 3 : 1); ++i) {
    const Plane& plane = rows.planes[i];
    const std::size_t row_bytes = static_cast<std::size_t>(plane.width) * bytes_per_pixel(rows.format);
    for (int row = 0; row < plane.height; ++row) {
      const std::uint8_t* line = plane.data + row * plane.stride_bytes;
      // Under AddressSanitizer this proves that 64 bytes past the row may be read.
      volatile std::uint8_t sink = 0;
      for (int past = 0; past < 64; ++past) sink = line[row_bytes + past];
      static_cast<void>(sink);
      planes_[i].insert(planes_[i].end(), line, line + row_bytes);
    }
    collected_.plane_sizes[i].width = plane.width;
    collected_.plane_sizes[i].height += plane.height;
  }
  next_row_ += rows.height;
  ++collected_.groups;
  return stop_after_rows_ < 0 || next_row_ - collected_.delivered.y < stop_after_rows_;
}

const Collected& Collector::finish() {
  for (auto& plane : planes_) {
    collected_.pixels.insert(collected_.pixels.end(), plane.begin(), plane.end());
    plane.clear();
  }
  return collected_;
}

std::vector<std::uint8_t> crop(const Collected& whole, const Rect& rect) {
  const std::size_t step = bytes_per_pixel(whole.format);
  std::vector<std::uint8_t> result;
  for (int y = rect.y; y < rect.y + rect.height; ++y) {
    const auto row =
        whole.pixels.begin() +
        ((static_cast<std::size_t>(y) - whole.delivered.y) * whole.delivered.width + rect.x - whole.delivered.x) * step;
    result.insert(result.end(), row, row + rect.width * step);
  }
  return result;
}

}  // namespace smol::testing
