#include "codec/isolated/isolated_decoder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace smol {
namespace {

constexpr int kRowsPerGroup = 16;
/// More than this of shared memory is given back after each picture.
constexpr std::size_t kKeepBytes = std::size_t{64} << 20;
/// OpenJPEG is the hungriest: 4 bytes a sample, of tiles and of the picture, beside our rows.
constexpr std::uint64_t kBytesPerPixel = 32;
constexpr std::uint64_t kBaseBytes = std::uint64_t{512} << 20;
/// Waiting in slices and counting those makes a machine that was stopped for a while lose one slice and no picture.
constexpr int kSliceMilliseconds = 1000;

Error error(ErrorCode code, std::string message) { return Error{code, std::move(message), Stage::kDecode}; }

std::uint64_t address_space_bytes(const DecodeLimits& limits, std::size_t input_bytes) {
  const auto pixels = static_cast<std::uint64_t>(std::clamp<std::int64_t>(limits.max_pixels, 0, std::int64_t{1} << 40));
  return pixels * kBytesPerPixel + kBaseBytes + 2 * input_bytes;
}

/// Holds the child to what was asked for, so that the rows lie where they are looked for.
bool is_plausible(const Message& begin, const DecodeRequest& request) {
  const Rect rect = from_wire(begin.delivery.rect);
  const std::int64_t width = begin.delivery.scaled_width, height = begin.delivery.scaled_height;
  if (begin.delivery.format != static_cast<std::uint8_t>(request.format)) return false;
  if (width <= 0 || height <= 0 || width * height > request.limits.max_pixels) return false;
  const bool inside = rect.x >= 0 && rect.y >= 0 && rect.width > 0 && rect.height > 0 && rect.width <= width - rect.x &&
                      rect.height <= height - rect.y;
  if (!inside || !request.region) return inside && (request.region || (rect.width == width && rect.height == height));
  const Rect& region = *request.region;
  const std::int64_t right = std::min<std::int64_t>(std::int64_t{region.x} + region.width, width);
  const std::int64_t bottom = std::min<std::int64_t>(std::int64_t{region.y} + region.height, height);
  return rect.x <= std::max(region.x, 0) && rect.y <= std::max(region.y, 0) && rect.x + rect.width >= right &&
         rect.y + rect.height >= bottom;
}

/// A conversation that did not come to its end leaves a child that nobody can talk to.
class KillUnlessFinished {
 public:
  explicit KillUnlessFinished(ChildProcess& child) : child_(child) {}
  ~KillUnlessFinished() {
    if (!finished_) child_.kill_and_reap();
  }
  void finish() { finished_ = true; }

 private:
  ChildProcess& child_;
  bool finished_ = false;
};

}  // namespace

IsolatedDecoder::~IsolatedDecoder() {
  if (wake_ >= 0) close(wake_);
}

Status IsolatedDecoder::create_shared() {
  if (wake_ >= 0) return {};
  SMOL_RETURN_IF_ERROR(input_.create("smol compressed"));
  SMOL_RETURN_IF_ERROR(output_.create("smol rows"));
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) return error(ErrorCode::kIo, std::string("cannot watch a decoder process: ") + strerror(errno));
  return {};
}

Status IsolatedDecoder::start() {
  SMOL_RETURN_IF_ERROR(create_shared());
  SMOL_RETURN_IF_ERROR(child_.start(facts_.program, {"serve", facts_.plug_in}, {input_.descriptor(), output_.descriptor()}));
  SMOL_ASSIGN_OR_RETURN(const Message ready, answer({}));
  if (ready.kind == MessageKind::kReady) return {};
  const Error reason = error_of(ready);
  child_.kill_and_reap();
  return error(ErrorCode::kNotBuilt, "the codec " + facts_.name + " cannot be loaded: " + reason.message);
}

Status IsolatedDecoder::ask(ByteView bytes, Message& question) {
  if (bytes.empty()) return error(ErrorCode::kTruncated, "the file is empty; fetch or copy it again");
  SMOL_RETURN_IF_ERROR(create_shared());
  SMOL_RETURN_IF_ERROR(input_.reserve(bytes.size()));
  std::memcpy(input_.data(), bytes.data(), bytes.size());
  question.input_bytes = bytes.size();
  question.address_space_bytes = address_space_bytes(limits_, bytes.size());
  if (!child_.is_running()) SMOL_RETURN_IF_ERROR(start());
  if (send_message(child_.socket(), question)) return {};
  // It died since the last picture: these bytes have nothing to do with it.
  SMOL_RETURN_IF_ERROR(start());
  if (send_message(child_.socket(), question)) return {};
  return crashed();
}

Result<Message> IsolatedDecoder::wait_for_answer(const std::stop_token& stop) {
  pollfd watched[] = {{child_.socket(), POLLIN, 0}, {wake_, POLLIN, 0}};
  for (int slice = 0; slice < facts_.time_limit_s;) {
    const int ready = poll(watched, 2, kSliceMilliseconds);
    if (stop.stop_requested()) {
      child_.kill_and_reap();
      return error(ErrorCode::kCancelled, "stopped on request");
    }
    if (ready < 0 && errno != EINTR) return crashed();
    if (ready == 0) ++slice;
    if (ready <= 0 || watched[0].revents == 0) continue;
    Message message;
    if (!receive_message(child_.socket(), message)) return crashed();
    return message;
  }
  child_.kill_and_reap();
  return error(ErrorCode::kLimitExceeded, "decoding took longer than the limit of seconds that holds for " + facts_.name +
                                              " pictures; the decoder was ended: " + std::to_string(facts_.time_limit_s));
}

Result<Message> IsolatedDecoder::answer(const std::stop_token& stop) {
  eventfd_t ignored = 0;
  static_cast<void>(eventfd_read(wake_, &ignored));
  const std::stop_callback wake(stop, [descriptor = wake_] { eventfd_write(descriptor, 1); });
  Result<Message> message = wait_for_answer(stop);
  if (!message || message->kind != MessageKind::kFailed ||
      message->error_code != static_cast<std::uint8_t>(ErrorCode::kOutOfMemory)) {
    return message;
  }
  // Whatever it still holds is not worth keeping.
  child_.kill_and_reap();
  return error(
      ErrorCode::kLimitExceeded,
      "decoding needs more memory than --max-pixels allows a decoder; raise it if the file is trusted, allowed MiB: " +
          std::to_string(address_space_bytes(limits_, input_.size_bytes()) >> 20));
}

Error IsolatedDecoder::crashed() {
  const std::string end = child_.reap();
  return error(ErrorCode::kCorrupt,
               "the decoder of " + facts_.name + " crashed (" + end + ") on these bytes; it was restarted");
}

Error IsolatedDecoder::implausible() {
  child_.kill_and_reap();
  return error(ErrorCode::kCorrupt,
               "the decoder of " + facts_.name + " gave an impossible answer to these bytes; it was restarted");
}

Result<ImageHeader> IsolatedDecoder::probe(ByteView bytes) {
  Message question;
  question.kind = MessageKind::kProbe;
  SMOL_RETURN_IF_ERROR(ask(bytes, question));
  SMOL_ASSIGN_OR_RETURN(const Message said, answer({}));
  if (said.kind == MessageKind::kFailed) return error_of(said);
  if (said.kind != MessageKind::kHeader) return implausible();
  std::optional<ImageHeader> header = from_wire(said.header);
  if (!header) return implausible();
  header->format = facts_.name;
  return *header;
}

Result<DecodeReport> IsolatedDecoder::decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  if (request.stop.stop_requested()) return error(ErrorCode::kCancelled, "stopped on request");
  const auto& can = facts_.capabilities.scale_denominators;
  if (std::find(can.begin(), can.end(), request.scale_denominator) == can.end()) {
    return error(ErrorCode::kInvalidArgument, facts_.name + " pictures cannot be decoded at this scale denominator: " +
                                                  std::to_string(request.scale_denominator));
  }
  if (request.format == PixelFormat::kYcc8Planar) {
    return error(ErrorCode::kUnsupported, facts_.name + " cannot deliver ycc8_planar; ask for rgbx8");
  }
  limits_ = request.limits;
  Message question;
  question.kind = MessageKind::kDecode;
  question.request = to_wire(request);
  SMOL_RETURN_IF_ERROR(ask(bytes, question));
  Result<DecodeReport> report = converse(request, consumer);
  output_.release_beyond(kKeepBytes);
  input_.release_beyond(kKeepBytes);
  return report;
}

Result<DecodeReport> IsolatedDecoder::converse(const DecodeRequest& request, RowConsumer& consumer) {
  KillUnlessFinished conversation(child_);
  SMOL_ASSIGN_OR_RETURN(const Message begin, answer(request.stop));
  if (begin.kind == MessageKind::kFailed) {
    conversation.finish();
    return error_of(begin);
  }
  if (begin.kind != MessageKind::kBegin || !is_plausible(begin, request)) return implausible();
  const Rect delivered = from_wire(begin.delivery.rect);
  const auto output_bytes = static_cast<std::size_t>(shared_rows_bytes(delivered, request.format));
  SMOL_RETURN_IF_ERROR(output_.reserve(output_bytes));
  const Status begun =
      consumer.begin(delivered, Size{begin.delivery.scaled_width, begin.delivery.scaled_height}, request.format);
  Message go_on;
  go_on.kind = begun.ok() ? MessageKind::kProceed : MessageKind::kStop;
  go_on.output_bytes = output_bytes;
  if (!send_message(child_.socket(), go_on)) return crashed();
  SMOL_ASSIGN_OR_RETURN(const Message done, answer(request.stop));
  if (!begun.ok() || done.kind == MessageKind::kFailed) {
    conversation.finish();
    return begun.ok() ? error_of(done) : begun.error();
  }
  if (done.kind != MessageKind::kDone) return implausible();
  conversation.finish();
  return deliver(done, delivered, request, consumer);
}

Result<DecodeReport> IsolatedDecoder::deliver(const Message& done, const Rect& delivered, const DecodeRequest& request,
                                              RowConsumer& consumer) {
  const std::int64_t stride = shared_stride_bytes(delivered.width, request.format);
  bool more = true;
  for (int y = 0; more && y < delivered.height; y += kRowsPerGroup) {
    ImageView view;
    view.format = request.format;
    view.width = delivered.width;
    view.height = std::min(kRowsPerGroup, delivered.height - y);
    view.planes[0] = {output_.data() + y * stride, stride, view.width, view.height};
    more = consumer.rows(delivered.y + y, view);
    if (request.stop.stop_requested()) return error(ErrorCode::kCancelled, "stopped on request");
  }
  DecodeReport report;
  report.rows_decoded = std::clamp(done.report.rows_decoded, 0, delivered.height);
  report.warnings = std::max(done.report.warnings, 0);
  report.truncated = done.report.truncated != 0;
  report.recovered = done.report.recovered != 0;
  return report;
}

}  // namespace smol
