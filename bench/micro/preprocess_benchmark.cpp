/// JPEG bytes to tensor against libjpeg-turbo's region decoding alone, on one worker thread, in CPU time.
///
///   preprocess_benchmark [--rounds N] [--pictures N] [--simd TARGET] FOLDER...
///
/// Every round runs every variant once over all pictures, in a new random order, so that drift of the machine meets all of
/// them alike. (Running the variants in turn on each picture would flatter the later ones: entropy decoding the same bytes
/// again is up to a third faster, because the branch predictor has learnt them.) Printed: pictures a second (median of the
/// rounds), as a fraction of libjpeg-turbo's region decoding, microseconds a picture. libjpeg-turbo gets its best form: rows
/// off the alignment at which it would write past the caches.

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <random>
#include <thread>
#include <vector>

#include <jpeglib.h>

#include "smol/preprocess.h"

namespace {

using Bytes = std::vector<std::uint8_t>;

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Picture {
  Bytes bytes;
  smol::ImageHeader header;
  smol::Rect region;  ///< what the standard pipeline needs of it
};

/// Remembers what a preprocessor asks of its decoder.
class RequestRecorder final : public smol::Decoder {
 public:
  smol::Result<smol::ImageHeader> probe(smol::ByteView) override { return smol::Error{}; }
  smol::Result<smol::DecodeReport> decode(smol::ByteView, const smol::DecodeRequest& request, smol::RowConsumer&) override {
    region = request.region.value_or(smol::Rect{});
    return smol::Error{};
  }
  smol::Rect region;
};

class Sink final : public smol::RowConsumer {
 public:
  smol::Status begin(const smol::Rect&, smol::Size, smol::PixelFormat) override { return {}; }
  bool rows(int, const smol::ImageView&) override { return true; }
};

/// libjpeg-turbo as a careful application calls it: one column more each side, one skip, abort below.
class PlainRegionDecoder {
 public:
  PlainRegionDecoder() {
    info_.err = jpeg_std_error(&errors_);
    jpeg_create_decompress(&info_);
  }
  ~PlainRegionDecoder() { jpeg_destroy_decompress(&info_); }
  PlainRegionDecoder(const PlainRegionDecoder&) = delete;
  PlainRegionDecoder& operator=(const PlainRegionDecoder&) = delete;

  void decode(const Bytes& bytes, const smol::Rect& region) {
    jpeg_mem_src(&info_, bytes.data(), bytes.size());
    jpeg_read_header(&info_, TRUE);
    info_.out_color_space = info_.jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_EXT_RGBX;
    info_.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&info_);
    JDIMENSION x = static_cast<JDIMENSION>(std::max(region.x - 1, 0));
    JDIMENSION width = std::min(static_cast<JDIMENSION>(region.width + 2), info_.output_width - x);
    jpeg_crop_scanline(&info_, &x, &width);
    if (region.y > 1) jpeg_skip_scanlines(&info_, static_cast<JDIMENSION>(region.y - 1));
    constexpr int kRows = 16;
    constexpr std::size_t kAlignment = 64, kMisalignment = 4;
    const std::size_t stride = (std::size_t{info_.output_width} * 4 + 2 * kAlignment) / kAlignment * kAlignment;
    rows_.resize(stride * kRows + 2 * kAlignment);
    std::uint8_t* first = rows_.data();
    while (reinterpret_cast<std::uintptr_t>(first) % kAlignment != kMisalignment) ++first;
    JSAMPROW pointers[kRows];
    for (int i = 0; i < kRows; ++i) pointers[i] = first + stride * static_cast<std::size_t>(i);
    const JDIMENSION end = std::min(static_cast<JDIMENSION>(region.y + region.height), info_.output_height);
    while (info_.output_scanline < end) {
      jpeg_read_scanlines(&info_, pointers, std::min<JDIMENSION>(kRows, end - info_.output_scanline));
    }
    jpeg_abort_decompress(&info_);
  }

 private:
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  Bytes rows_;
};

smol::PhysicalPipeline pipeline_of(bool floats, int bits, smol::PixelFormat format = smol::PixelFormat::kRgbx8) {
  smol::PhysicalPipeline pipeline;
  pipeline.decode = {1, true, true, format};
  std::vector<smol::Operator> operators{smol::OrientOp{}, smol::ResizeOp{}, smol::CenterCropOp{}};
  if (floats) {
    operators.emplace_back(smol::ConvertOp{});
    operators.emplace_back(smol::NormalizeOp{{123.675F, 116.28F, 103.53F}, {58.395F, 57.12F, 57.375F}});
    operators.emplace_back(smol::LayoutOp{});
  }
  pipeline.host_steps.emplace_back(smol::FusedStep{operators, bits});
  if (bits != 22 || format != smol::PixelFormat::kRgbx8) pipeline.label = smol::FidelityLabel::kLossy;
  return pipeline;
}

struct Variant {
  std::string name;
  std::function<bool(const Picture&)> run;
  std::vector<double> seconds;  // one a round
};

class Bench {
 public:
  Bench() : decoder_(registry_.find("jpeg")->create_decoder()) {
    needed_ = smol::create_preprocessor(pipeline_of(false, 22)).value();
    tensor_.resize(224 * 224 * 3);
    variants_.push_back({"libjpeg region decode", [this](const Picture& p) { return plain(p); }, {}});
    variants_.push_back({"smol region decode", [this](const Picture& p) { return decode_only(p); }, {}});
    add("exact, u8 NHWC", pipeline_of(false, 22));
    add("exact, f32 NCHW", pipeline_of(true, 22));
    add("14 bits, u8 NHWC", pipeline_of(false, 14));
    add("14 bits, f32 NCHW", pipeline_of(true, 14));
    add("planes, u8 NHWC", pipeline_of(false, 22, smol::PixelFormat::kYcc8Planar));
    for (std::size_t i = 0; i < variants_.size(); ++i) order_.push_back(i);
  }

  /// Thread CPU time of every variant over all pictures, once.
  bool round(const std::vector<Picture>& pictures) {
    std::shuffle(order_.begin(), order_.end(), generator_);
    for (const std::size_t index : order_) {
      const double start = thread_seconds();
      for (const Picture& picture : pictures) {
        if (!variants_[index].run(picture)) return false;
      }
      variants_[index].seconds.push_back(thread_seconds() - start);
    }
    return true;
  }

  void print(std::size_t num_pictures) {
    for (Variant& variant : variants_) std::sort(variant.seconds.begin(), variant.seconds.end());
    const auto median_of = [](const Variant& variant) { return variant.seconds[variant.seconds.size() / 2]; };
    const double baseline = median_of(variants_[0]);
    for (Variant& variant : variants_) {
      const double median = median_of(variant);
      std::printf("  %-24s %9.1f /s   %6.3f   %8.1f us\n", variant.name.c_str(), static_cast<double>(num_pictures) / median,
                  baseline / median, 1e6 * median / static_cast<double>(num_pictures));
      variant.seconds.clear();
    }
  }

  smol::Decoder& decoder() { return *decoder_; }
  smol::Rect region_of(const Bytes& bytes, const smol::ImageHeader& header) {
    (void)needed_->run(recorder_, bytes, header, {}, slot_of(needed_->output()));
    return recorder_.region;
  }

 private:
  void add(const std::string& name, const smol::PhysicalPipeline& pipeline) {
    const std::shared_ptr<smol::Preprocessor> preprocessor = smol::create_preprocessor(pipeline).value();
    variants_.push_back({name,
                         [this, preprocessor](const Picture& p) {
                           return preprocessor->run(*decoder_, p.bytes, p.header, {}, slot_of(preprocessor->output())).ok();
                         },
                         {}});
  }

  smol::TensorSlot slot_of(const smol::OutputSpec& spec) {
    return {tensor_.data(), spec.dtype, spec.layout, spec.color, spec.width, spec.height};
  }

  bool plain(const Picture& picture) {
    plain_.decode(picture.bytes, picture.region);
    return true;
  }

  bool decode_only(const Picture& picture) {
    smol::DecodeRequest request;
    request.region = picture.region;
    request.format = picture.header.is_gray() ? smol::PixelFormat::kGray8 : smol::PixelFormat::kRgbx8;
    Sink sink;
    return decoder_->decode(picture.bytes, request, sink).ok();
  }

  smol::CodecRegistry registry_ = smol::built_in_codecs();
  std::unique_ptr<smol::Decoder> decoder_;
  std::unique_ptr<smol::Preprocessor> needed_;
  RequestRecorder recorder_;
  PlainRegionDecoder plain_;
  std::vector<float> tensor_;
  std::vector<Variant> variants_;
  std::vector<std::size_t> order_;
  std::mt19937 generator_{1};
};

std::vector<Picture> load(const std::string& folder, std::size_t limit, Bench& bench) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Picture> pictures;
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    Bytes bytes{std::istreambuf_iterator<char>(stream), {}};
    const auto header = bench.decoder().probe(bytes);
    if (header && header->format == "jpeg" && header->channels != 4) {
      const smol::Rect region = bench.region_of(bytes, *header);
      pictures.push_back({std::move(bytes), *header, region});
    }
    if (pictures.size() == limit) break;
  }
  return pictures;
}

void run(const std::vector<std::string>& folders, int rounds, std::size_t limit, const std::string& simd) {
  Bench bench;
  for (const std::string& folder : folders) {
    const std::vector<Picture> pictures = load(folder, limit, bench);
    std::printf("%s: %zu JPEGs, %d rounds, %s\n", folder.c_str(), pictures.size(), rounds, simd.c_str());
    if (pictures.empty() || !bench.round(pictures)) {
      std::printf("  nothing to measure, or a picture failed\n");
      continue;
    }
    for (int i = 1; i < rounds; ++i) bench.round(pictures);
    bench.print(pictures.size());
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> folders;
  int rounds = 9;
  std::size_t limit = 100;
  std::string simd = smol::simd_targets().front();
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--rounds" && i + 1 < argc) {
      rounds = std::max(std::atoi(argv[++i]), 1);
    } else if (argument == "--pictures" && i + 1 < argc) {
      limit = static_cast<std::size_t>(std::max(std::atoi(argv[++i]), 1));
    } else if (argument == "--simd" && i + 1 < argc) {
      simd = argv[++i];
      const smol::Status status = smol::set_simd_target(simd);
      if (!status) return std::cerr << status.error().to_string() << "\n", 2;
    } else {
      folders.push_back(argument);
    }
  }
  if (folders.empty())
    return std::cerr << "usage: preprocess_benchmark [--rounds N] [--pictures N] [--simd TARGET] FOLDER...\n", 2;
  std::thread(run, folders, rounds, limit, simd).join();
  return 0;
}
