#include "codec/tiff_decoder.h"

#include <tiffio.h>

#include <algorithm>
#include <new>

namespace smol {
namespace {

constexpr std::string_view kFormat = "TIFF";

/// Pages and bytes of the first page's pixels.
void add_counts(const TiffFile& file, ImageHeader& header) {
  constexpr std::uint32_t kMostBlocks = 4096;
  const auto total = static_cast<std::uint64_t>(file.bytes().size());
  const std::uint32_t count = TIFFIsTiled(file.get()) != 0 ? TIFFNumberOfTiles(file.get()) : TIFFNumberOfStrips(file.get());
  std::uint64_t size = count > kMostBlocks ? total : 0;
  for (std::uint32_t i = 0; i < count && count <= kMostBlocks; ++i) size += TIFFGetStrileByteCount(file.get(), i);
  header.compressed_bytes = static_cast<std::int64_t>(std::min(size, total));
  header.num_frames = count_tiff_pages(file.bytes());
}

struct CloseAtEnd {
  TiffFile& file;
  ~CloseAtEnd() { file.close(); }
};

}  // namespace

Status TiffDecoder::open(ByteView bytes) {
  constexpr std::size_t kHeaderBytes = 8;
  if (bytes.size() >= 4 && !has_tiff_signature(bytes)) return corrupt_error(kFormat, "wrong signature");
  if (bytes.size() < kHeaderBytes) return header_truncated_error(kFormat);
  if (!file_.open(bytes)) {
    if (tiff_directory_is_cut(bytes)) return header_truncated_error(kFormat);
    const std::string_view text = file_.messages().text();
    return corrupt_error(kFormat, text.empty() ? "no page in it" : text);
  }
  return read_tiff_layout(file_, layout_);
}

Result<ImageHeader> TiffDecoder::probe(ByteView bytes) {
  const CloseAtEnd close_at_end{file_};
  SMOL_RETURN_IF_ERROR(open(bytes));
  add_counts(file_, layout_.header);
  return layout_.header;
}

Result<DecodeReport> TiffDecoder::decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  const CloseAtEnd close_at_end{file_};
  try {
    return decode_page(bytes, request, consumer);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory, "no memory for the rows of a TIFF", Stage::kDecode};
  }
}

Result<DecodeReport> TiffDecoder::decode_page(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  SMOL_RETURN_IF_ERROR(open(bytes));
  const ImageHeader& header = layout_.header;
  SMOL_ASSIGN_OR_RETURN(const Rect part, check_request(kFormat, header, request));
  Faults faults(request.fail_on, kFormat);
  const bool cut = tiff_fields_are_cut(bytes);
  if (cut && request.fail_on != FailOn::kNone) return header_truncated_error(kFormat);
  TiffMessages& messages = file_.messages();
  // Fields that are odd, yet leave a picture.
  if (messages.num_warnings() + messages.num_errors() > 0) {
    SMOL_RETURN_IF_ERROR(faults.note(Fault::kHarmless, messages.text()));
  }
  messages.clear();
  TiffRows rows(file_, layout_, request, buffers_);
  SMOL_RETURN_IF_ERROR(rows.open(part));
  const Size size{header.width, header.height};
  SMOL_ASSIGN_OR_RETURN(DecodeReport report, deliver_rows(rows, rows.delivered(), size, request, faults, rows_, consumer));
  report.truncated = report.truncated || cut;
  // What libtiff papered over: JPEG and fax data with defects.
  if (messages.num_warnings() > 0) {
    SMOL_RETURN_IF_ERROR(faults.note(Fault::kRecovered, messages.text()));
    report.warnings = faults.warnings();
    report.recovered = true;
  }
  return report;
}

}  // namespace smol
