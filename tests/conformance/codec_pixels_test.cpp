/// Decoded pixels against codec_oracle.py (Pillow, NumPy): bit-identical, for every variant of every format.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libdeflate.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "test_data.h"
#include "unit/codec/jpeg_fixture.h"

namespace smol::testing {
namespace {

namespace fs = std::filesystem;

struct Answer {
  std::string group, path;
  int width = 0, height = 0, channels = 0, orientation = 1;
  std::uint32_t crc = 0;
};

std::vector<std::uint8_t> read_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const fs::path& path, const std::vector<std::uint8_t>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// JPEGs that neither Pillow nor cjpeg can write.
void write_own_jpegs(const fs::path& directory) {
  std::vector<JpegFixture> fixtures;
  for (const bool progressive : {false, true}) {
    for (const char* color : {"ycck", "cmyk", "rgb", "gray"}) {
      fixtures.push_back({.width = 53, .height = 41, .color = color, .progressive = progressive});
      fixtures.push_back({.width = 53, .height = 41, .color = color, .progressive = progressive, .restart_interval = 2});
    }
    fixtures.push_back(
        {.width = 53, .height = 41, .color = "ycck", .horizontal = 1, .vertical = 1, .progressive = progressive});
    fixtures.push_back({.width = 53, .height = 41, .progressive = progressive, .arithmetic = true});
    fixtures.push_back({.width = 1, .height = 1, .progressive = progressive});
    fixtures.push_back({.width = 17, .height = 1, .progressive = progressive});
    fixtures.push_back({.width = 1, .height = 17, .horizontal = 2, .vertical = 1, .progressive = progressive});
  }
  fixtures.push_back({.separate_scans = true});
  fixtures.push_back({.separate_scans = true, .restart_interval = 5});
  fixtures.push_back({.horizontal = 4, .vertical = 1, .progressive = true});
  for (const JpegFixture& fixture : fixtures)
    write_bytes(directory / ("own_" + fixture.name() + ".jpg"), encode_jpeg(fixture));
}

class CodecPixelsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = fs::path(::testing::TempDir()) / ("smol_codec_pixels_" + std::to_string(getpid()));
    fs::create_directories(directory_);
    write_own_jpegs(directory_);
    const std::string script = std::string(SMOL_TESTS_DIR) + "/conformance/codec_oracle.py";
    const std::string command =
        std::string(SMOL_PYTHON) + " -W ignore '" + script + "' '" + directory_.string() + "' " + data_path("");
    ASSERT_EQ(std::system(command.c_str()), 0) << "the oracle failed: " << command;
    std::ifstream manifest(directory_ / "manifest.tsv");
    for (std::string line; std::getline(manifest, line);) {
      std::istringstream fields(line);
      Answer answer;
      std::getline(fields, answer.group, '\t');
      std::getline(fields, answer.path, '\t');
      fields >> answer.width >> answer.height >> answer.channels >> answer.orientation >> answer.crc;
      answers_.push_back(answer);
    }
  }
  static void TearDownTestSuite() { fs::remove_all(directory_); }

  void SetUp() override {
    for (const auto& codec : registry_.codecs()) decoders_[codec->name()] = codec->create_decoder();
  }

  static std::vector<Answer> answers(const std::string& group) {
    std::vector<Answer> chosen;
    for (const Answer& answer : answers_) {
      if (answer.group == group) chosen.push_back(answer);
    }
    return chosen;
  }

  /// The decoder is reused for all pictures, as a worker does.
  void check(const Answer& answer) {
    SCOPED_TRACE(answer.path);
    const auto bytes = read_bytes(answer.path);
    const Codec* const codec = registry_.sniff(bytes);
    ASSERT_NE(codec, nullptr);
    Decoder& decoder = *decoders_[codec->name()];
    const auto header = decoder.probe(bytes);
    ASSERT_TRUE(header.ok()) << header.error().to_string();
    EXPECT_EQ(header->width, answer.width);
    EXPECT_EQ(header->height, answer.height);
    EXPECT_EQ(header->channels, answer.channels);
    EXPECT_EQ(static_cast<int>(header->orientation), answer.orientation);

    const std::uint32_t rgb = crc_of(decoder, bytes, PixelFormat::kRgb8);
    EXPECT_EQ(rgb, answer.crc) << "pixels differ from the oracle's";
    check_formats(decoder, bytes, *header);
    check_thumbnail(answer, decoder, bytes, *header);
    ++checked_;
  }

  /// The header states a thumbnail where the oracle found one, and nowhere else.
  void check_thumbnail(const Answer& picture, Decoder& decoder, ByteView bytes, const ImageHeader& header) {
    const auto answer = std::find_if(answers_.begin(), answers_.end(), [&](const Answer& other) {
      return other.group == "thumbnail of " + picture.group && other.path == picture.path;
    });
    const bool found = answer != answers_.end();
    EXPECT_EQ(header.thumbnail.width, found ? answer->width : 0);
    EXPECT_EQ(header.thumbnail.height, found ? answer->height : 0);
    if (!found || header.thumbnail.width == 0) return;
    EXPECT_EQ(crc_of(decoder, bytes, PixelFormat::kRgb8, true), answer->crc);
    ++thumbnails_;
  }

  static std::uint32_t crc_of(Decoder& decoder, ByteView bytes, PixelFormat format, bool thumbnail = false) {
    Image image;
    DecodeRequest request;
    request.format = format;
    request.thumbnail = thumbnail;
    const auto report = decode_to_image(decoder, bytes, request, image);
    if (!report) {
      ADD_FAILURE() << report.error().to_string();
      return 0;
    }
    EXPECT_EQ(report->rows_decoded, image.view().height);
    std::uint32_t crc = 0;
    const std::size_t row_bytes = static_cast<std::size_t>(image.view().width) * bytes_per_pixel(format);
    for (int y = 0; y < image.view().height; ++y) crc = libdeflate_crc32(crc, image.view().row(y), row_bytes);
    return crc;
  }

  /// The other formats must be the same pixels as kRgb8, in another order.
  static void check_formats(Decoder& decoder, ByteView bytes, const ImageHeader& header) {
    Image rgb, other;
    DecodeRequest request;
    request.format = PixelFormat::kRgb8;
    ASSERT_TRUE(decode_to_image(decoder, bytes, request, rgb).ok());
    for (const PixelFormat format : {PixelFormat::kRgbx8, PixelFormat::kBgr8, PixelFormat::kGray8}) {
      if (format == PixelFormat::kGray8 && !header.is_gray()) continue;
      request.format = format;
      ASSERT_TRUE(decode_to_image(decoder, bytes, request, other).ok());
      const int step = bytes_per_pixel(format);
      for (int y = 0; y < rgb.view().height; ++y) {
        const std::uint8_t* const expected = rgb.view().row(y);
        const std::uint8_t* const actual = other.view().row(y);
        for (int x = 0; x < rgb.view().width; ++x) {
          for (int c = 0; c < 3; ++c) {
            const int at = step == 1 ? 0 : format == PixelFormat::kBgr8 ? 2 - c : c;
            ASSERT_EQ(actual[x * step + at], expected[3 * x + c]) << name_of(format) << " at " << x << "," << y;
          }
        }
      }
    }
  }

  inline static fs::path directory_;
  inline static std::vector<Answer> answers_;
  CodecRegistry registry_ = built_in_codecs();
  std::map<std::string_view, std::unique_ptr<Decoder>> decoders_;
  int checked_ = 0, thumbnails_ = 0;
};

TEST_F(CodecPixelsTest, fixtures_equal_the_oracle) {
  for (const Answer& answer : answers("fixture")) check(answer);
  EXPECT_GT(checked_, 250);
  EXPECT_EQ(thumbnails_, 4);
}

TEST_F(CodecPixelsTest, photos_equal_the_oracle) {
  SMOL_DATA_OR_SKIP(photos, "imagenet-sample");
  for (const Answer& answer : answers("photo")) check(answer);
  for (const Answer& answer : answers("gray")) check(answer);
  EXPECT_GE(checked_, 400);
}

/// Files that Pillow refuses need a clear answer or, where only ancillary data are odd, the right pixels.
TEST_F(CodecPixelsTest, conformance_files_equal_the_oracle_or_fail_clearly) {
  SMOL_DATA_OR_SKIP(folder, "conformance");
  for (const Answer& answer : answers("conformance")) {
    if (answer.width > 0) {
      check(answer);
      continue;
    }
    SCOPED_TRACE(answer.path);
    const auto bytes = read_bytes(answer.path);
    const Codec* const codec = registry_.sniff(bytes);
    ASSERT_NE(codec, nullptr);
    Image image;
    const auto report = decode_to_image(*decoders_[codec->name()], bytes, {}, image);
    if (!report) {
      EXPECT_THAT(report.error().code,
                  ::testing::AnyOf(ErrorCode::kUnsupported, ErrorCode::kCorrupt, ErrorCode::kTruncated));
      EXPECT_FALSE(report.error().message.empty());
    }
    RecordProperty(fs::path(answer.path).stem().string(), report ? "decoded" : report.error().to_string());
  }
  EXPECT_GE(thumbnails_, 10);
}

}  // namespace
}  // namespace smol::testing
