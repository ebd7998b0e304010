#include "fake_decoder.h"

#include <algorithm>

namespace smol::test {

FakeDecoder::FakeDecoder(Size size, int channels, const std::vector<std::uint8_t>& pixels)
    : FakeDecoder(size, channels, pixels, Behaviour()) {}

FakeDecoder::FakeDecoder(Size size, int channels, const std::vector<std::uint8_t>& pixels, Behaviour behaviour)
    : size_(size), channels_(channels), pixels_(pixels), behaviour_(behaviour) {}

ImageHeader FakeDecoder::header() const {
  ImageHeader header;
  header.format = "fake";
  header.width = size_.width;
  header.height = size_.height;
  header.channels = channels_;
  return header;
}

Result<ImageHeader> FakeDecoder::probe(ByteView) { return header(); }

const Image& FakeDecoder::picture(PixelFormat format) {
  if (picture_.capacity_bytes() > 0 && picture_.view().format == format) return picture_;
  picture_.reshape(format, size_.width, size_.height);
  const int step = bytes_per_pixel(format);
  for (int y = 0; y < size_.height; ++y) {
    for (int x = 0; x < size_.width; ++x) {
      const std::uint8_t* in = &pixels_[(static_cast<std::size_t>(y) * size_.width + x) * channels_];
      std::uint8_t* out = picture_.view().row(y) + x * step;
      for (int channel = 0; channel < step; ++channel) {
        const int from = format == PixelFormat::kBgr8 ? 2 - channel : channel;
        out[channel] = channel == 3 ? 77 : in[std::min(from, channels_ - 1)];
      }
    }
  }
  return picture_;
}

Rect FakeDecoder::delivered_rect(const DecodeRequest& request) const {
  if (!request.region || !behaviour_.delivers_region) return {0, 0, size_.width, size_.height};
  const Rect& region = *request.region;
  const int extra = behaviour_.extra_pixels;
  const int x = std::max(region.x - extra, 0), y = std::max(region.y - extra, 0);
  return {x, y, std::min(region.x + region.width + extra, size_.width) - x,
          std::min(region.y + region.height + extra, size_.height) - y};
}

Result<DecodeReport> FakeDecoder::decode(ByteView, const DecodeRequest& request, RowConsumer& consumer) {
  last_request_ = request;
  rows_delivered_ = 0;
  const PixelFormat format = behaviour_.format.value_or(request.format);
  ImageView all = picture(format).view();
  const Rect rect = delivered_rect(request);
  SMOL_RETURN_IF_ERROR(consumer.begin(rect, size_, format));
  for (int done = 0; done < std::min(rect.height, behaviour_.stop_after_rows);) {
    ImageView rows = all;
    rows.width = rect.width;
    rows.height = std::min(behaviour_.rows_per_call, rect.height - done);
    rows.planes[0].data = all.row(rect.y + done) + rect.x * bytes_per_pixel(format);
    rows_delivered_ += rows.height;
    if (!consumer.rows(rect.y + done, rows)) break;
    done += rows.height;
  }
  return DecodeReport{};
}

}  // namespace smol::test
