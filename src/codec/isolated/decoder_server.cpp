#include "codec/isolated/decoder_server.h"

#include <sys/resource.h>

#include <cstring>
#include <new>

#include "codec/isolated/child_process.h"
#include "codec/isolated/message.h"
#include "codec/isolated/shared_memory.h"

namespace smol {
namespace {

Error error(ErrorCode code, std::string message) { return Error{code, std::move(message), Stage::kDecode}; }

/// Writes rows where the other side looks for them, after asking whether it wants them.
class SharedRows final : public RowConsumer {
 public:
  SharedRows(int socket, SharedMemory& memory) : socket_(socket), memory_(memory) {}

  Status begin(const Rect& delivered, Size scaled_size, PixelFormat format) override {
    if (format == PixelFormat::kYcc8Planar) return error(ErrorCode::kUnsupported, "planes cannot be shared");
    Message message;
    message.kind = MessageKind::kBegin;
    message.delivery.rect = to_wire(delivered);
    message.delivery.scaled_width = scaled_size.width;
    message.delivery.scaled_height = scaled_size.height;
    message.delivery.format = static_cast<std::uint8_t>(format);
    if (!send_message(socket_, message) || !receive_message(socket_, message)) _exit(0);
    if (message.kind != MessageKind::kProceed) return error(ErrorCode::kCancelled, "the rows are not wanted");
    SMOL_RETURN_IF_ERROR(memory_.map(message.output_bytes));
    delivered_ = delivered;
    format_ = format;
    stride_bytes_ = shared_stride_bytes(delivered.width, format);
    if (static_cast<std::size_t>(shared_rows_bytes(delivered, format)) > memory_.size_bytes()) {
      return error(ErrorCode::kInternal, "shared memory is too small for the rows");
    }
    return {};
  }

  bool rows(int y, const ImageView& rows) override {
    const std::size_t row_bytes = static_cast<std::size_t>(delivered_.width) * bytes_per_pixel(format_);
    for (int row = 0; row < rows.height; ++row) {
      const int at = y + row - delivered_.y;
      if (at < 0 || at >= delivered_.height || rows.width != delivered_.width) return false;
      std::memcpy(memory_.data() + at * stride_bytes_, rows.row(row), row_bytes);
    }
    return true;
  }

 private:
  int socket_;
  SharedMemory& memory_;
  Rect delivered_;
  PixelFormat format_{};
  std::int64_t stride_bytes_ = 0;
};

void limit_address_space(std::uint64_t size_bytes) {
  if (kSanitized) return;
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(size_bytes, limit.rlim_max);
  setrlimit(RLIMIT_AS, &limit);
}

class Server {
 public:
  Server(int socket, const Codec& codec) : socket_(socket), decoder_(codec.create_decoder()) {
    input_.attach(socket + 1);
    output_.attach(socket + 2);
  }

  void run() {
    Message question;
    std::uint64_t limit_bytes = 0;
    while (receive_message(socket_, question)) {
      if (question.address_space_bytes != limit_bytes) {
        limit_bytes = question.address_space_bytes;
        limit_address_space(limit_bytes);
      }
      if (!send_message(socket_, answer(question))) return;
    }
  }

 private:
  Message answer(const Message& question) {
    try {
      if (const Status mapped = input_.map(question.input_bytes); !mapped.ok()) return failed_message(mapped.error());
      const ByteView bytes(input_.data(), question.input_bytes);
      if (question.kind == MessageKind::kProbe) return probe(bytes);
      if (question.kind == MessageKind::kDecode) return decode(bytes, from_wire(question.request));
      return failed_message(error(ErrorCode::kInternal, "not a question"));
    } catch (const std::bad_alloc&) {
      return failed_message(error(ErrorCode::kOutOfMemory, "no memory to decode this picture"));
    }
  }

  Message probe(ByteView bytes) {
    const auto header = decoder_->probe(bytes);
    if (!header) return failed_message(header.error());
    Message message;
    message.kind = MessageKind::kHeader;
    message.header = to_wire(*header);
    return message;
  }

  Message decode(ByteView bytes, const DecodeRequest& request) {
    SharedRows rows(socket_, output_);
    const auto report = decoder_->decode(bytes, request, rows);
    if (!report) return failed_message(report.error());
    Message message;
    message.kind = MessageKind::kDone;
    message.report.rows_decoded = report->rows_decoded;
    message.report.warnings = report->warnings;
    message.report.truncated = report->truncated ? 1 : 0;
    message.report.recovered = report->recovered ? 1 : 0;
    return message;
  }

  int socket_;
  std::unique_ptr<Decoder> decoder_;
  SharedMemory input_, output_;
};

}  // namespace

void serve_decoder(int socket, const Codec& codec) { Server(socket, codec).run(); }

}  // namespace smol
