/// Pixels of the codecs over large libraries against opaque_oracle.py, which says what its answers are worth.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "smol/codec.h"
#include "temporary_folder.h"
#include "test_data.h"

namespace smol::testing {
namespace {

struct Answer {
  std::string group, path, pixels;
  int width = 0, height = 0, orientation = 1, frames = 1, most = 0;
  double mean = 0;
};

std::vector<std::uint8_t> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class OpaquePixelsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    const std::string command = std::string(SMOL_PYTHON) + " " SMOL_TESTS_DIR "/conformance/opaque_oracle.py " +
                                folder_->path() + " " + data_path("");
    ASSERT_EQ(std::system(command.c_str()), 0);
    std::ifstream manifest(folder_->path("manifest.tsv"));
    for (std::string line; std::getline(manifest, line);) {
      std::istringstream fields(line);
      Answer answer;
      fields >> answer.group >> answer.path >> answer.pixels >> answer.width >> answer.height >> answer.orientation >>
          answer.frames >> answer.most >> answer.mean;
      answers_.push_back(answer);
    }
    ASSERT_FALSE(answers_.empty());
  }
  static void TearDownTestSuite() { folder_.reset(); }

  Result<DecodeReport> decode(const std::string& path, Image& image) {
    const auto bytes = read_bytes(path);
    const Codec* const codec = registry_.sniff(bytes);
    if (codec == nullptr) return registry_.unrecognised(bytes);
    auto& decoder = decoders_[std::string(codec->name())];
    if (!decoder) decoder = codec->create_decoder();
    SMOL_ASSIGN_OR_RETURN(header_, decoder->probe(bytes));
    DecodeRequest request;
    request.format = PixelFormat::kRgb8;
    return decode_to_image(*decoder, bytes, request, image);
  }

  void check(const Answer& answer) {
    SCOPED_TRACE(answer.path + " against " + answer.pixels);
    Image image;
    const auto report = decode(answer.path, image);
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    ASSERT_EQ(image.view().width, answer.width);
    ASSERT_EQ(image.view().height, answer.height);
    const auto expected = read_bytes(answer.pixels);
    ASSERT_EQ(expected.size(), std::size_t(3) * answer.width * answer.height);
    int most = 0;
    double sum = 0;
    for (int y = 0; y < answer.height; ++y) {
      for (int i = 0; i < 3 * answer.width; ++i) {
        const int difference = std::abs(image.view().row(y)[i] - expected[std::size_t(3) * answer.width * y + i]);
        most = std::max(most, difference);
        sum += difference;
      }
    }
    EXPECT_LE(most, answer.most);
    EXPECT_LE(sum / static_cast<double>(expected.size()), answer.mean);
  }

  void check_group(const std::string& group, std::size_t least) {
    if (registry_.find(group) == nullptr) GTEST_SKIP() << group << " is not available here";
    std::size_t checked = 0;
    for (const Answer& answer : answers_) {
      if (answer.group != group) continue;
      check(answer);
      EXPECT_EQ(static_cast<int>(header_.orientation), answer.orientation) << answer.path;
      EXPECT_EQ(header_.num_frames, answer.frames) << answer.path;
      ++checked;
    }
    if (checked >= least) return;
    const char* const required = std::getenv("SMOL_REQUIRE_DATA");
    EXPECT_FALSE(required != nullptr && std::string_view(required) == "1") << "other decoders are missing: make setup-tests";
    GTEST_SKIP() << "some of the other decoders are missing, answers: " << checked;
  }

  inline static std::unique_ptr<TemporaryFolder> folder_;
  inline static std::vector<Answer> answers_;
  CodecRegistry registry_ = built_in_codecs();
  std::map<std::string, std::unique_ptr<Decoder>> decoders_;
  ImageHeader header_;
};

TEST_F(OpaquePixelsTest, avif) { check_group("avif", 20); }
TEST_F(OpaquePixelsTest, heic) { check_group("heic", 6); }
TEST_F(OpaquePixelsTest, jpeg2000) { check_group("jpeg2000", 14); }
TEST_F(OpaquePixelsTest, jpegxl) { check_group("jpegxl", 11); }

/// avif_files.tsv: what becomes of each file with libavif 0.11.1, and whether Pillow's pixels are the same, or why not.
TEST_F(OpaquePixelsTest, avif_files_of_other_encoders) {
  SMOL_DATA_OR_SKIP(folder, "conformance/avif");
  if (registry_.find("avif") == nullptr) GTEST_SKIP() << "avif is not available here";
  std::map<std::string, std::pair<std::string, std::string>> expected;
  std::ifstream list(SMOL_TESTS_DIR "/conformance/avif_files.tsv");
  for (std::string name, outcome, comparable; list >> name >> outcome >> comparable;) expected[name] = {outcome, comparable};
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    Image image;
    const auto report = decode(entry.path().string(), image);
    const std::string outcome = report ? "decoded" : std::string(name_of(report.error().code));
    EXPECT_EQ(outcome, expected[name].first) << name << (report ? "" : ": " + report.error().to_string());
    ++found;
  }
  EXPECT_EQ(found, expected.size());
  for (const Answer& answer : answers_) {
    const std::string name = std::filesystem::path(answer.path).filename().string();
    if (answer.group == "data" && expected[name].second == "same") check(answer);
  }
}

}  // namespace
}  // namespace smol::testing
