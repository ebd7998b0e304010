/// A codec plug-in for tests: the first four bytes of a "picture" say how it misbehaves.

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "codec/isolated/isolated_codec.h"
#include "codec/isolated/message.h"

namespace smol {
namespace {

constexpr int kWidth = 40, kHeight = 33;
constexpr int kSocket = 3, kOutput = 5;

class FaultyDecoder final : public Decoder {
 public:
  Result<ImageHeader> probe(ByteView bytes) override {
    ImageHeader header;
    header.width = kWidth;
    header.height = kHeight;
    if (is(bytes, "segp")) crash();
    if (is(bytes, "size")) header.width = -5;
    if (is(bytes, "turn")) header.orientation = static_cast<Orientation>(99);
    if (is(bytes, "text")) return Error{ErrorCode::kCorrupt, "odd \x01\xFF text"};
    return header;
  }

  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override {
    misbehave(bytes);
    Rect delivered = request.region.value_or(Rect{0, 0, kWidth, kHeight});
    Size size{kWidth, kHeight};
    PixelFormat format = request.format;
    if (is(bytes, "wide")) delivered.width = 1 << 20;
    if (is(bytes, "away")) delivered.x = -3;
    if (is(bytes, "part")) delivered.height -= 1;
    if (is(bytes, "vast")) delivered = {0, 0, size.width = 1 << 25, size.height = 1 << 25};
    if (is(bytes, "form")) format = PixelFormat::kGray8;
    SMOL_RETURN_IF_ERROR(consumer.begin(delivered, size, format));
    if (is(bytes, "late")) crash();
    if (is(bytes, "fail")) return Error{ErrorCode::kTruncated, "half of it is missing"};
    std::vector<std::uint8_t> row(static_cast<std::size_t>(kWidth) * 4 + 64);
    for (int y = delivered.y; y < delivered.y + delivered.height; ++y) {
      for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<std::uint8_t>(7 * y + static_cast<int>(i));
      ImageView view;
      view.format = format;
      view.width = delivered.width;
      view.height = 1;
      view.planes[0] = {row.data(), 0, delivered.width, 1};
      if (!consumer.rows(is(bytes, "past") ? y + 1000 : y, view)) break;
    }
    DecodeReport report;
    report.rows_decoded = is(bytes, "rows") ? 1 << 30 : delivered.height;
    return report;
  }

 private:
  static bool is(ByteView bytes, const char* fault) { return bytes.size() >= 4 && std::memcmp(bytes.data(), fault, 4) == 0; }
  [[noreturn]] static void crash() {
    std::signal(SIGSEGV, SIG_DFL);  // sanitizers catch it
    std::raise(SIGSEGV);
    std::abort();
  }

  static void misbehave(ByteView bytes) {
    if (is(bytes, "segv")) crash();
    if (is(bytes, "abrt")) {
      std::signal(SIGABRT, SIG_DFL);
      std::abort();
    }
    if (is(bytes, "exit")) _exit(3);
    if (is(bytes, "shut")) {
      shutdown(kSocket, SHUT_RDWR);
      for (;;) pause();
    }
    if (is(bytes, "hang")) {
      for (;;) pause();
    }
    if (is(bytes, "memo")) {
      std::vector<std::vector<std::uint8_t>> kept;
      for (;;) kept.emplace_back(std::size_t{16} << 20, std::uint8_t{1});
    }
    if (is(bytes, "junk")) {
      static_cast<void>(write(kSocket, "junk", 4));
      for (;;) pause();
    }
    if (is(bytes, "kind")) {
      Message message;
      message.kind = MessageKind::kDone;
      static_cast<void>(send_message(kSocket, message));
      for (;;) pause();
    }
    // Cutting shared memory off would kill the other side when it reads; the seal forbids it.
    if (is(bytes, "trim") && ftruncate(kOutput, 0) == 0) _exit(4);
    if (is(bytes, "file")) {
      // Only what was handed over is open.
      for (int descriptor = 6; descriptor < 1024; ++descriptor) {
        if (lseek(descriptor, 0, SEEK_CUR) != -1 || dup2(descriptor, descriptor) != -1) _exit(5);
      }
    }
  }
};

class FaultyCodec final : public Codec {
 public:
  FaultyCodec() { capabilities_.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8}; }
  [[nodiscard]] std::string_view name() const override { return "faulty"; }
  [[nodiscard]] std::string_view description() const override { return "faulty 1.0"; }
  [[nodiscard]] bool sniff(ByteView) const override { return true; }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return capabilities_; }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override { return std::make_unique<FaultyDecoder>(); }

 private:
  CodecCapabilities capabilities_;
};

}  // namespace
}  // namespace smol

extern "C" smol::Codec* smol_create_codec_v1() { return new smol::FaultyCodec; }
