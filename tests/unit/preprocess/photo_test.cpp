// Photographs through the JPEG codec, region decoding and early stop, against Pillow, bit for bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "pillow_oracle.h"
#include "test_data.h"

namespace smol::test {
namespace {

std::vector<std::string> jpegs_in(const std::string& folder, std::size_t limit) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".JPEG" || extension == ".JPG" || extension == ".jpg") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  files.resize(std::min(files.size(), limit));
  return files;
}

std::vector<std::uint8_t> read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Every file of `folder`, in batches that bound the oracle's disk use.
void expect_identical(const std::string& folder, std::size_t limit, const std::string& operators) {
  const CodecRegistry codecs = built_in_codecs();
  const std::unique_ptr<Decoder> decoder = codecs.find("jpeg")->create_decoder();
  PhysicalPipeline pipeline = fused_pipeline(operators);
  pipeline.decode = {1, true, true, PixelFormat::kRgbx8};
  const auto preprocessor = create_preprocessor(pipeline).value();
  Tensor tensor(preprocessor->output());
  std::vector<OracleCase> cases;
  for (const std::string& path : jpegs_in(folder, limit)) {
    OracleCase c;
    c.path = path;
    c.operators = operators;
    cases.push_back(c);
  }
  ASSERT_FALSE(cases.empty());
  ASSERT_TRUE(run_oracle(cases));
  for (const OracleCase& c : cases) {
    const std::vector<std::uint8_t> bytes = read(c.path);
    const auto header = decoder->probe(bytes);
    ASSERT_TRUE(header) << c.path << ": " << header.error().to_string();
    const auto report = preprocessor->run(*decoder, bytes, *header, {}, tensor.slot);
    ASSERT_TRUE(report) << c.path << ": " << report.error().to_string();
    std::vector<std::uint8_t> expected = c.expected;
    if (header->is_gray()) {  // Pillow leaves one channel
      expected.clear();
      for (const std::uint8_t gray : c.expected) expected.insert(expected.end(), 3, gray);
    }
    EXPECT_EQ(difference(tensor.bytes, expected), "") << c.path;
  }
}

TEST(PhotoTest, StandardPreprocessingOfFourHundredPhotos) {
  SMOL_DATA_OR_SKIP(folder, "imagenet-sample");
  expect_identical(folder, 400, "orient() | resize(short_side=256, filter=bilinear) | center_crop(224x224)");
}

TEST(PhotoTest, BicubicAndLetterbox) {
  SMOL_DATA_OR_SKIP(folder, "imagenet-sample");
  expect_identical(folder, 40, "orient() | resize(short_side=288, filter=bicubic) | center_crop(260x260)");
  expect_identical(folder, 40,
                   "orient() | resize(fit=320x320, filter=bilinear) | pad(320x320, value=[114,114,114], centered=true)");
}

TEST(PhotoTest, SixMegapixels) {
  SMOL_DATA_OR_SKIP(folder, "photos");
  expect_identical(folder, 7, "orient() | resize(short_side=256, filter=bilinear) | center_crop(224x224)");
}

}  // namespace
}  // namespace smol::test
