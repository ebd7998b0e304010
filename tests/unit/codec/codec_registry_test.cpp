#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smol/codec.h"
#include "unit/codec/codec_seeds.h"

namespace smol::testing {
namespace {

using ::testing::HasSubstr;

/// A codec of a third party.
class DummyCodec final : public Codec {
 public:
  explicit DummyCodec(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] std::string_view description() const override { return "dummy 1.0"; }
  [[nodiscard]] bool sniff(ByteView bytes) const override { return bytes.size() >= 3 && bytes[0] == 'D' && bytes[1] == 'U'; }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return capabilities_; }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override { return nullptr; }

 private:
  std::string name_;
  CodecCapabilities capabilities_;
};

ByteView view_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

TEST(CodecRegistryTest, finds_by_name_and_by_content) {
  const auto registry = built_in_codecs();
  for (const auto& codec : registry.codecs()) {
    EXPECT_EQ(registry.find(codec->name()), codec.get());
    EXPECT_FALSE(codec->description().empty());
    for (const Seed& seed : seeds_of(codec->name())) EXPECT_EQ(registry.sniff(seed.bytes), codec.get()) << seed.name;
  }
  EXPECT_EQ(registry.find("pcx"), nullptr);
}

TEST(CodecRegistryTest, takes_a_third_party_codec_once) {
  auto registry = built_in_codecs();
  ASSERT_TRUE(registry.add(std::make_unique<DummyCodec>("dummy")).ok());
  const Status again = registry.add(std::make_unique<DummyCodec>("dummy"));
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(registry.add(std::make_unique<DummyCodec>("jpeg")).ok());
  EXPECT_EQ(registry.sniff(view_of("DUMMY"))->name(), "dummy");
}

TEST(CodecRegistryTest, names_what_is_missing_and_why) {
  const auto registry = built_in_codecs();
  std::vector<std::string> names;
  for (const auto& entry : registry.unavailable()) {
    names.push_back(entry.name);
    EXPECT_FALSE(entry.reason.empty());
    EXPECT_FALSE(entry.remedy.empty());
  }
  for (const auto& codec : registry.codecs()) names.emplace_back(codec->name());
  EXPECT_THAT(names, ::testing::IsSupersetOf({"webp", "avif", "heic", "jpeg2000", "jpegxl", "gif", "bmp", "tiff", "ppm"}));
}

TEST(CodecRegistryTest, says_what_unreadable_bytes_look_like) {
  const auto registry = built_in_codecs();
  const auto message = [&](std::string_view bytes) { return registry.unrecognised(view_of(bytes)).message; };
  using namespace std::string_view_literals;
  EXPECT_EQ(registry.unrecognised({}).code, ErrorCode::kTruncated);
  EXPECT_THAT(message("\0\0\0\x18"
                      "ftypheic"sv),
              HasSubstr("HEIC"));
  EXPECT_THAT(message("8BPS"), HasSubstr("Photoshop"));
  EXPECT_THAT(message("\x01\x02\xFF"sv), HasSubstr("01 02 ff"));
  EXPECT_THAT(message(""), HasSubstr("empty"));
  for (const auto& codec : registry.codecs()) EXPECT_THAT(message("8BPS"), HasSubstr(std::string(codec->name())));
}

TEST(FailOnTest, parses_its_names) {
  for (const FailOn level : {FailOn::kNone, FailOn::kTruncated, FailOn::kError, FailOn::kWarning}) {
    EXPECT_EQ(parse_fail_on(name_of(level)).value(), level);
  }
  const auto wrong = parse_fail_on("sometimes");
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message, ::testing::AllOf(HasSubstr("none, truncated, error, warning"), HasSubstr("sometimes")));
}

}  // namespace
}  // namespace smol::testing
