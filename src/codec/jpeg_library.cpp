#include "codec/jpeg_library.h"

#include <jerror.h>

#include <algorithm>
#include <array>

namespace smol {
namespace {

/// libjpeg is fed in windows, so that a stop request is seen after at most this much entropy decoding (about 7 ms).
constexpr std::size_t kWindowBytes = std::size_t{1} << 20;
constexpr std::array<JOCTET, 2> kEndOfImage{0xFF, JPEG_EOI};

constexpr int kFirstRestartMarker = JPEG_RST0, kLastRestartMarker = JPEG_RST0 + 7;

/// Encoders may pad; a decoder that lost its place leaves more.
constexpr int kMaxPaddingBytes = 8;

/// THE table of libjpeg warnings. `marker` is the parameter that names one, if any; `num_bytes` the first parameter.
JpegWarning classify(int message, int marker, int num_bytes, int unread_marker) {
  switch (message) {
    case JWRN_HIT_MARKER:  // the entropy-coded data stop before the picture is complete
      return unread_marker == JPEG_EOI ? JpegWarning::kTruncated : JpegWarning::kRecovered;
    case JWRN_MUST_RESYNC:  // a restart marker is missing
      return marker == JPEG_EOI ? JpegWarning::kTruncated : JpegWarning::kRecovered;
    case JWRN_JPEG_EOF:
      return JpegWarning::kTruncated;
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_BOGUS_PROGRESSION:  // scans refine what was never sent
      return JpegWarning::kRecovered;
    case JWRN_EXTRANEOUS_DATA:  // bytes that no scan has used, before a marker
      if (marker >= kFirstRestartMarker && marker <= kLastRestartMarker) return JpegWarning::kRecovered;
      return num_bytes > kMaxPaddingBytes ? JpegWarning::kRecovered : JpegWarning::kHarmless;
    default:  // Adobe transform codes, JFIF versions, ICC chunks, SOS parameters of sequential pictures
      return JpegWarning::kHarmless;
  }
}

bool is_unsupported(int message) {
  switch (message) {
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_J_COLORSPACE:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
    case JERR_WIDTH_OVERFLOW:
      return true;
    default:
      return false;
  }
}

/// libjpeg's own: DC 0 and 1, AC 0 and 1 (T.81 annex K.3). It hands them out with a compressor's defaults.
const std::array<JHUFF_TBL, 4>& standard_huffman_tables() {
  static const std::array<JHUFF_TBL, 4> tables = [] {
    jpeg_compress_struct info{};
    jpeg_error_mgr errors{};
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    const std::array<JHUFF_TBL, 4> copies{*info.dc_huff_tbl_ptrs[0], *info.dc_huff_tbl_ptrs[1], *info.ac_huff_tbl_ptrs[0],
                                          *info.ac_huff_tbl_ptrs[1]};
    jpeg_destroy_compress(&info);
    return copies;
  }();
  return tables;
}

}  // namespace

JpegLibrary::~JpegLibrary() {
  if (created_) jpeg_destroy_decompress(&info_);
}

template <typename Call>
Status JpegLibrary::guarded(Call call) {
  if (setjmp(jump_) != 0) return failure();
  call();
  return {};
}

void JpegLibrary::create() {
  info_.err = jpeg_std_error(&errors_);
  errors_.error_exit = on_error;
  errors_.emit_message = on_message;
  errors_.output_message = on_output;
  info_.client_data = this;
  jpeg_create_decompress(&info_);
  created_ = true;
  source_.init_source = on_init;
  source_.fill_input_buffer = on_fill;
  source_.skip_input_data = on_skip;
  source_.resync_to_restart = jpeg_resync_to_restart;
  source_.term_source = on_init;
  info_.src = &source_;
  progress_.progress_monitor = on_progress;
  info_.progress = &progress_;
}

Status JpegLibrary::read_header(ByteView bytes, const DecodeRequest& request) {
  bytes_ = bytes;
  request_ = &request;
  window_end_ = 0;
  phase_ = Phase::kHeader;
  warnings_ = 0;
  recovered_ = truncated_ = false;
  first_missing_row_ = -1;
  usable_bytes_ = 0;
  source_.bytes_in_buffer = 0;
  source_.next_input_byte = nullptr;
  SMOL_RETURN_IF_ERROR(guarded([this] {
    if (!created_) create();
    forget_tables();
    jpeg_read_header(&info_, TRUE);
    complete_tables();
  }));
  phase_ = Phase::kPixels;
  return {};
}

/// libjpeg keeps tables for the next picture (T.81 annex B.5 would have it so for abbreviated streams). Here pictures have
/// nothing to do with each other, and an answer must not depend on what a worker decoded before.
void JpegLibrary::forget_tables() {
  for (JQUANT_TBL* table : info_.quant_tbl_ptrs) {
    if (table != nullptr) std::fill(std::begin(table->quantval), std::end(table->quantval), UINT16{0});
  }
  for (auto* tables : {info_.dc_huff_tbl_ptrs, info_.ac_huff_tbl_ptrs}) {
    for (int i = 0; i < NUM_HUFF_TBLS; ++i) {
      if (tables[i] != nullptr) *tables[i] = {};
    }
  }
}

/// What a decompressor that has seen no picture before would do about missing tables: take the standard Huffman codes
/// (Motion JPEG leaves them out), fail without quantization.
void JpegLibrary::complete_tables() {
  const auto is_empty = [](const JHUFF_TBL* table) {
    return table != nullptr &&
           std::all_of(std::begin(table->bits), std::end(table->bits), [](UINT8 count) { return count == 0; });
  };
  for (int i = 0; i < 2; ++i) {
    if (is_empty(info_.dc_huff_tbl_ptrs[i])) *info_.dc_huff_tbl_ptrs[i] = standard_huffman_tables()[i];
    if (is_empty(info_.ac_huff_tbl_ptrs[i])) *info_.ac_huff_tbl_ptrs[i] = standard_huffman_tables()[2 + i];
  }
  for (int i = 0; i < info_.comps_in_scan; ++i) {
    const int number = info_.cur_comp_info[i]->quant_tbl_no;
    const bool known = number >= 0 && number < NUM_QUANT_TBLS;
    const JQUANT_TBL* const table = known ? info_.quant_tbl_ptrs[number] : nullptr;
    const bool missing = table == nullptr || std::all_of(std::begin(table->quantval), std::end(table->quantval),
                                                         [](UINT16 step) { return step == 0; });
    if (missing) fail(ErrorCode::kCorrupt, "the picture has no quantization table");
  }
}

Status JpegLibrary::start() {
  Status status = guarded([this] { jpeg_start_decompress(&info_); });
  if (!status.ok() && status.error().code == ErrorCode::kCorrupt && jpeg_has_multiple_scans(&info_)) {
    usable_bytes_ = offset_of_unread_marker();
  }
  return status;
}

std::size_t JpegLibrary::offset_of_unread_marker() const {
  for (std::size_t at = window_end_ - source_.bytes_in_buffer; at >= 2; --at) {
    if (bytes_[at - 2] == 0xFF && bytes_[at - 1] == info_.unread_marker) return at - 2;
  }
  return 0;
}

Status JpegLibrary::crop_columns(JDIMENSION& x, JDIMENSION& width) {
  return guarded([this, &x, &width] { jpeg_crop_scanline(&info_, &x, &width); });
}

Status JpegLibrary::skip_rows(JDIMENSION count) {
  return guarded([this, count] { jpeg_skip_scanlines(&info_, count); });
}

Status JpegLibrary::read_rows(JSAMPARRAY rows, JDIMENSION count) {
  return guarded([this, rows, count] {
    for (JDIMENSION done = 0; done < count;) done += jpeg_read_scanlines(&info_, rows + done, count - done);
  });
}

Status JpegLibrary::read_planes(JSAMPIMAGE planes, JDIMENSION count) {
  return guarded([this, planes, count] { jpeg_read_raw_data(&info_, planes, count); });
}

Status JpegLibrary::check_end() {
  if (info_.output_scanline < info_.output_height || truncated_ || jpeg_has_multiple_scans(&info_)) return {};
  phase_ = Phase::kEnd;
  Status status = guarded([this] { jpeg_finish_decompress(&info_); });
  const bool refused = !status.ok() && (request_->fail_on >= FailOn::kError || status.error().code == ErrorCode::kCancelled);
  if (refused) return status;
  recovered_ = recovered_ || !status.ok();
  return {};
}

void JpegLibrary::abort() {
  if (created_) jpeg_abort_decompress(&info_);
}

bool JpegLibrary::smooths_blocks() const {
  if (!info_.progressive_mode || info_.coef_bits == nullptr) return false;
  constexpr int kSmoothedCoefficients = 10;
  for (int component = 0; component < info_.num_components; ++component) {
    for (int i = 0; i < kSmoothedCoefficients; ++i) {
      if (info_.coef_bits[component][i] != 0) return true;
    }
  }
  return false;
}

int JpegLibrary::rows_from_data() const {
  return first_missing_row_ < 0 ? static_cast<int>(info_.output_height) : first_missing_row_;
}

Error JpegLibrary::failure() const {
  return Error{failure_code_, std::string("JPEG decoding failed: ") + failure_text_, Stage::kDecode};
}

void JpegLibrary::fail(ErrorCode code) {
  errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), failure_text_);
  failure_code_ = code;
  std::longjmp(jump_, 1);
}

void JpegLibrary::fail(ErrorCode code, const char* text) {
  std::snprintf(failure_text_, sizeof failure_text_, "%s", text);
  failure_code_ = code;
  std::longjmp(jump_, 1);
}

void JpegLibrary::on_error(j_common_ptr info) {
  const int message = info->err->msg_code;
  if (message == JERR_OUT_OF_MEMORY) self(info).fail(ErrorCode::kOutOfMemory);
  if (is_unsupported(message)) self(info).fail(ErrorCode::kUnsupported);
  self(info).fail(ErrorCode::kCorrupt);
}

void JpegLibrary::on_message(j_common_ptr info, int level) {
  if (level < 0) self(info).warn();
}

void JpegLibrary::warn() {
  const int* const parameters = errors_.msg_parm.i;
  const int marker = parameters[errors_.msg_code == JWRN_EXTRANEOUS_DATA ? 1 : 0];
  const JpegWarning kind = classify(errors_.msg_code, marker, parameters[0], info_.unread_marker);
  count(kind, nullptr);
}

/// Counts a warning, and fails when the caller is stricter than it. `text` null: libjpeg's own.
void JpegLibrary::count(JpegWarning kind, const char* text) {
  ++warnings_;
  const FailOn fail_on = request_->fail_on;
  if (kind == JpegWarning::kTruncated) {
    if (!truncated_ && info_.input_scan_number <= 1) {
      // Upsampling blends the last row above with chroma that is missing.
      const int rows = static_cast<int>(info_.input_iMCU_row) * info_.max_v_samp_factor * info_.min_DCT_scaled_size;
      first_missing_row_ = std::max(0, info_.max_v_samp_factor > 1 ? rows - 1 : rows);
    }
    truncated_ = true;
    if (fail_on >= FailOn::kTruncated) {
      fail(ErrorCode::kTruncated, "the data end before the picture is complete; --fail-on none keeps what is there");
    }
  }
  recovered_ = recovered_ || kind == JpegWarning::kRecovered;
  if (fail_on >= FailOn::kWarning || (fail_on >= FailOn::kError && kind == JpegWarning::kRecovered)) {
    if (text != nullptr) fail(ErrorCode::kCorrupt, text);
    fail(ErrorCode::kCorrupt);
  }
}

void JpegLibrary::on_progress(j_common_ptr info) {
  JpegLibrary& library = self(info);
  if (library.request_->stop.stop_requested()) library.fail(ErrorCode::kCancelled, "stopped on request");
  const int max_scans = library.request_->limits.max_scans;
  if (library.info_.input_scan_number > max_scans) {
    std::snprintf(library.failure_text_, sizeof library.failure_text_,
                  "progressive picture has more scans than --max-scans allows (%d)", max_scans);
    library.failure_code_ = ErrorCode::kLimitExceeded;
    std::longjmp(library.jump_, 1);
  }
}

boolean JpegLibrary::on_fill(j_decompress_ptr info) {
  self(reinterpret_cast<j_common_ptr>(info)).refill();
  return TRUE;
}

void JpegLibrary::refill() {
  if (request_->stop.stop_requested()) fail(ErrorCode::kCancelled, "stopped on request");
  const std::size_t left = bytes_.size() - window_end_;
  if (left == 0) return end_of_data();
  const std::size_t window = std::min(left, kWindowBytes);
  source_.next_input_byte = bytes_.data() + window_end_;
  source_.bytes_in_buffer = window;
  window_end_ += window;
}

/// Whether the entropy decoder says so when pixels are missing before an end marker. Multi-scan pictures may lack whole
/// scans, and arithmetic decoding takes anything after the end for zeros.
bool JpegLibrary::notices_missing_data() { return !jpeg_has_multiple_scans(&info_) && !info_.arith_code; }

/// Hands out an end marker.
void JpegLibrary::end_of_data() {
  if (phase_ == Phase::kHeader) fail(ErrorCode::kTruncated, "the data end inside the header");
  source_.next_input_byte = kEndOfImage.data();
  source_.bytes_in_buffer = kEndOfImage.size();
  if (phase_ == Phase::kPixels && !notices_missing_data() && !truncated_) count(JpegWarning::kTruncated, "no end marker");
}

void JpegLibrary::on_skip(j_decompress_ptr info, long num_bytes) {
  JpegLibrary& library = self(reinterpret_cast<j_common_ptr>(info));
  if (num_bytes <= 0) return;
  auto left = static_cast<std::size_t>(num_bytes);
  while (left > library.source_.bytes_in_buffer) {
    left -= library.source_.bytes_in_buffer;
    const bool ended = library.window_end_ == library.bytes_.size();
    library.refill();
    if (ended) return;  // a segment that claims more than there is
  }
  library.source_.next_input_byte += left;
  library.source_.bytes_in_buffer -= left;
}

}  // namespace smol
