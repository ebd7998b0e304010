/// Codecs in a process of their own: whatever goes wrong there costs one picture. faulty_codec.cpp is what goes wrong.

#include "codec/isolated/isolated_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "codec/isolated/child_process.h"
#include "codec/isolated/message.h"
#include "codec/isolated/shared_memory.h"

namespace smol::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

ByteView view_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

/// Children of this process, zombies among them.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string text;
    if (!std::getline(file, text)) continue;
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) continue;
    if (std::stoi(text.substr(name_end + 4)) == getpid()) found.push_back(std::stoi(text));
  }
  return found;
}

class IsolatedCodecTest : public ::testing::Test {
 protected:
  static IsolatedCodecFacts facts() {
    IsolatedCodecFacts facts;
    facts.name = "faulty";
    facts.description = "for tests";
    facts.sniff = [](ByteView) { return true; };
    facts.capabilities.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8};
    facts.program = SMOL_BINARY_DIR "/smol-decoder";
    facts.plug_in = SMOL_BINARY_DIR "/libsmol_test_faulty_codec.so";
    facts.time_limit_s = 600;  // of a busy machine
    return facts;
  }

  /// The error of decoding; the next picture must decode whatever happened.
  Error fails(std::string_view bytes, const DecodeRequest& request = {}) {
    Image image;
    const auto report = decode_to_image(*decoder_, view_of(bytes), request, image);
    EXPECT_FALSE(report.ok()) << bytes;
    expect_good();
    return report.ok() ? Error{} : report.error();
  }

  void expect_good() {
    DecodeRequest request;
    request.format = PixelFormat::kRgb8;
    request.region = Rect{0, 3, 40, 30};
    Image image;
    const auto report = decode_to_image(*decoder_, view_of("good"), request, image);
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_EQ(report->rows_decoded, 30);
    for (int y = 0; y < 30; ++y) {
      for (int i = 0; i < 120; ++i) ASSERT_EQ(image.view().row(y)[i], static_cast<std::uint8_t>(7 * (y + 3) + i));
    }
    EXPECT_EQ(children().size(), 1u) << "no child is left behind";
  }

  std::unique_ptr<const Codec> codec_ = create_isolated_codec(facts());
  std::unique_ptr<Decoder> decoder_ = codec_->create_decoder();
};

TEST_F(IsolatedCodecTest, decodes_as_the_codec_does) {
  EXPECT_TRUE(children().empty()) << "started at first use";
  const auto header = decoder_->probe(view_of("good"));
  ASSERT_TRUE(header.ok()) << header.error().to_string();
  EXPECT_EQ(header->width, 40);
  EXPECT_EQ(header->height, 33);
  EXPECT_EQ(header->format, "faulty");
  EXPECT_FALSE(header->planar);
  expect_good();
  const auto child = children();
  expect_good();
  EXPECT_EQ(children(), child) << "one child serves many pictures";
  decoder_.reset();
  EXPECT_TRUE(children().empty());
}

TEST_F(IsolatedCodecTest, a_crash_costs_one_picture) {
  for (const auto& [bytes, signal] : {std::pair{"segv", "SIGSEGV"}, {"abrt", "SIGABRT"}, {"late", "SIGSEGV"}}) {
    const Error error = fails(bytes);
    EXPECT_EQ(error.code, ErrorCode::kCorrupt);
    EXPECT_EQ(error.stage, Stage::kDecode);
    EXPECT_EQ(error.message, "the decoder of faulty crashed (" + std::string(signal) + ") on these bytes; it was restarted");
  }
  EXPECT_THAT(fails("exit").message, HasSubstr("exit status 3"));
  const auto header = decoder_->probe(view_of("segp"));
  ASSERT_FALSE(header.ok());
  EXPECT_THAT(header.error().message, HasSubstr("SIGSEGV"));
  expect_good();
}

TEST_F(IsolatedCodecTest, a_picture_without_end_is_given_up) {
  IsolatedCodecFacts hasty = facts();
  hasty.time_limit_s = 2;
  decoder_ = create_isolated_codec(hasty)->create_decoder();
  const Error error = fails("hang");
  EXPECT_EQ(error.code, ErrorCode::kLimitExceeded);
  EXPECT_THAT(error.message, HasSubstr(": 2"));
  EXPECT_EQ(fails("shut").code, ErrorCode::kCorrupt);
}

TEST_F(IsolatedCodecTest, a_stop_request_ends_what_hangs) {
  std::stop_source source;
  DecodeRequest request;
  request.stop = source.get_token();
  std::thread other([&] {
    while (children().empty()) std::this_thread::yield();
    source.request_stop();
  });
  EXPECT_EQ(fails("hang", request).code, ErrorCode::kCancelled);
  other.join();
  EXPECT_EQ(fails("good", request).code, ErrorCode::kCancelled) << "nothing is begun after a stop";
}

TEST_F(IsolatedCodecTest, memory_is_limited) {
  if (kSanitized) GTEST_SKIP() << "sanitizers need all address space";
  DecodeRequest request;
  request.limits.max_pixels = 2000;
  const Error error = fails("memo", request);
  EXPECT_EQ(error.code, ErrorCode::kLimitExceeded);
  EXPECT_THAT(error.message, HasSubstr("--max-pixels"));
}

TEST_F(IsolatedCodecTest, answers_are_not_believed) {
  for (const char* lie : {"wide", "away", "part", "vast", "form", "kind"}) {
    const Error error = fails(lie);
    EXPECT_EQ(error.code, ErrorCode::kCorrupt) << lie;
    EXPECT_THAT(error.message, HasSubstr("impossible answer")) << lie;
  }
  EXPECT_EQ(fails("junk").code, ErrorCode::kCorrupt);
  for (const char* lie : {"size", "turn"}) {
    const auto header = decoder_->probe(view_of(lie));
    ASSERT_FALSE(header.ok()) << lie;
    EXPECT_THAT(header.error().message, HasSubstr("impossible answer"));
    expect_good();
  }
  Image image;
  const auto report = decode_to_image(*decoder_, view_of("rows"), {}, image);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->rows_decoded, 33);
  const auto odd = decoder_->probe(view_of("text"));
  ASSERT_FALSE(odd.ok());
  EXPECT_EQ(odd.error().message, "odd ?? text");
}

TEST_F(IsolatedCodecTest, the_child_can_harm_neither_memory_nor_files) {
  expect_good();  // so that there is memory to take away
  for (const char* attempt : {"trim", "file", "past"}) {
    Image image;
    const auto report = decode_to_image(*decoder_, view_of(attempt), {}, image);
    EXPECT_TRUE(report.ok()) << attempt << ": " << report.error().to_string();
    expect_good();
  }
}

TEST_F(IsolatedCodecTest, errors_of_the_codec_and_the_consumer_come_through) {
  const Error error = fails("fail");
  EXPECT_EQ(error.code, ErrorCode::kTruncated);
  EXPECT_EQ(error.message, "half of it is missing");
  class Refusing final : public RowConsumer {
   public:
    Status begin(const Rect&, Size, PixelFormat) override { return Error{ErrorCode::kIo, "the disk is full"}; }
    bool rows(int, const ImageView&) override { return true; }
  } refusing;
  expect_good();
  const auto child = children();
  EXPECT_EQ(decoder_->decode(view_of("good"), {}, refusing).error().message, "the disk is full");
  expect_good();
  EXPECT_EQ(children(), child) << "a refusal is no reason to start again";
}

TEST_F(IsolatedCodecTest, a_child_that_died_between_pictures_is_started_again) {
  expect_good();
  const auto child = children();
  ASSERT_EQ(child.size(), 1u);
  ASSERT_EQ(kill(child.front(), SIGKILL), 0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child.front()), &info, WEXITED | WNOWAIT), 0);
  expect_good();
}

TEST_F(IsolatedCodecTest, ends_when_the_parent_is_gone) {
  SharedMemory input, output;
  ASSERT_TRUE(input.create("input").ok() && output.create("output").ok() && input.reserve(4).ok());
  std::memcpy(input.data(), "hang", 4);
  ChildProcess child;
  ASSERT_TRUE(child.start(facts().program, {"serve", facts().plug_in}, {input.descriptor(), output.descriptor()}).ok());
  Message message;
  ASSERT_TRUE(receive_message(child.socket(), message));
  ASSERT_EQ(message.kind, MessageKind::kReady);
  message = {};
  message.kind = MessageKind::kDecode;
  message.input_bytes = 4;
  message.address_space_bytes = std::uint64_t{1} << 32;
  ASSERT_TRUE(send_message(child.socket(), message));
  // What the end of a process does to its sockets; the child notices while its decoder hangs.
  shutdown(child.socket(), SHUT_RDWR);
  EXPECT_EQ(child.reap(), "exit status 0");
}

TEST_F(IsolatedCodecTest, says_what_cannot_be_loaded) {
  IsolatedCodecFacts missing = facts();
  missing.plug_in = SMOL_BINARY_DIR "/libsmol_codec_nothing.so";
  auto decoder = create_isolated_codec(missing)->create_decoder();
  const auto header = decoder->probe(view_of("good"));
  ASSERT_FALSE(header.ok());
  EXPECT_EQ(header.error().code, ErrorCode::kNotBuilt);
  EXPECT_THAT(header.error().message, AllOf(HasSubstr("faulty"), HasSubstr("libsmol_codec_nothing.so")));

  missing.program = SMOL_BINARY_DIR "/no-such-program";
  decoder = create_isolated_codec(missing)->create_decoder();
  EXPECT_EQ(decoder->probe(view_of("good")).error().code, ErrorCode::kNotFound);

  const auto found = describe_plug_ins(facts().program, {missing.plug_in, facts().plug_in});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_THAT(found[0].error, HasSubstr("libsmol_codec_nothing.so"));
  EXPECT_EQ(found[1].description, "faulty 1.0");
  EXPECT_TRUE(found[1].error.empty());
  EXPECT_THAT(describe_plug_ins(missing.program, {facts().plug_in})[0].error, HasSubstr("no-such-program"));
}

TEST_F(IsolatedCodecTest, many_threads_have_a_child_each) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto own = codec_->create_decoder();
      for (int round = 0; round < 10; ++round) {
        Image image;
        EXPECT_TRUE(decode_to_image(*own, view_of("good"), {}, image).ok());
        EXPECT_FALSE(decode_to_image(*own, view_of("abrt"), {}, image).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(children().empty());
}

}  // namespace
}  // namespace smol::testing
