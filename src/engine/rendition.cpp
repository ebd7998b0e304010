#include "engine/rendition.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "base/text_file.h"
#include "base/thread_budget.h"
#include "source/join_key.h"

namespace smol {
namespace {
namespace fs = std::filesystem;

Size target_size(const ResizeOp& resize, Size size, bool upscale) {
  const int short_side = std::min(size.width, size.height);
  if (!upscale && resize.mode == ResizeOp::Mode::kShortSide && short_side <= resize.width) return size;
  if (resize.mode == ResizeOp::Mode::kExact) return {resize.width, resize.height};
  // Torchvision's rule: the long side is truncated.
  const auto scaled = [&](int side) {
    return std::max(1, static_cast<int>(static_cast<std::int64_t>(resize.width) * side / short_side));
  };
  return {scaled(size.width), scaled(size.height)};
}

// What decides how the files look.
std::string describe_settings(const RenditionOptions& options) {
  std::string quality;
  if (options.format.kind == EncodeFormat::Kind::kJpeg) {
    quality = fmt::format(R"(, "quality": {}{})", options.format.quality,
                          options.format.full_chroma ? R"(, "sampling": 444)" : "");
  }
  return fmt::format(
      "{{\"format\": 1, \"short_side\": {}, \"filter\": \"{}\", \"upscale\": {}, \"extension\": \"{}\"{}, \"fail_on\": "
      "\"{}\"}}\n",
      options.resize.width, name_of(options.resize.filter), options.upscale, options.format.extension(), quality,
      name_of(options.fail_on));
}

// Makes the folder; files that were written since the time returned are as wanted. Only a resumed run keeps earlier ones.
Result<fs::file_time_type> prepare_folder(const std::string& folder, const RenditionOptions& options) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return Error{ErrorCode::kIo, "cannot make the folder, " + failure.message() + ": " + folder, Stage::kWrite};
  const std::string path = (fs::path(folder) / kRenditionSettingsFile).string(), wanted = describe_settings(options);
  if (options.resume && !fs::is_empty(folder, failure)) {
    const Result<std::string> found = read_text_file(path);
    if (!found.ok() || *found != wanted) {
      const std::string there = found.ok() ? found->substr(0, found->find('\n')) : "unknown";
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("the files there were made with other settings; --overwrite makes them anew, or name another "
                               "folder: there {}, wanted {}, folder {}",
                               there, wanted.substr(0, wanted.size() - 1), folder),
                   Stage::kWrite};
    }
  } else {
    SMOL_RETURN_IF_ERROR(write_text_file(path, wanted));
  }
  return fs::last_write_time(path, failure);
}

/// The files that some picture is written to. Thread-safe.
class ClaimedFiles {
 public:
  /// False when another picture has it.
  bool claim(const std::string& path) {
    const std::scoped_lock lock(mutex_);
    return paths_.insert(path).second;
  }

 private:
  std::mutex mutex_;
  std::unordered_set<std::string> paths_;
};

// One worker's objects.
class RenditionWorker {
 public:
  RenditionWorker(const Runtime& runtime, const std::string& folder, const RenditionOptions& options,
                  fs::file_time_type since, ClaimedFiles& claimed)
      : runtime_(runtime), folder_(folder), options_(options), since_(since), claimed_(claimed) {}

  /// Bytes written; 0 when the file was there.
  Result<std::int64_t> process(const Item& item) {
    if (item.error) return *item.error;
    // Of an archive's members the archive becomes a folder, so that the rendition joins with it.
    const fs::path path = (fs::path(folder_) / (join_key_of(item.id) + ".x")).replace_extension(options_.format.extension());
    if (item.stored.store &&
        path.lexically_normal().lexically_relative(fs::path(folder_).lexically_normal()).native().starts_with(".."))
      return Error{ErrorCode::kInvalidArgument, "the item's id leads out of the folder: " + item.id, Stage::kWrite};
    std::error_code failure;
    if (!item.path.empty() && fs::equivalent(path, item.path, failure)) {
      return Error{ErrorCode::kInvalidArgument,
                   "the rendition would replace its own source; choose another folder: " + path.string(), Stage::kWrite};
    }
    SMOL_RETURN_IF_ERROR(claim(path.string()));
    if (options_.resume && fs::exists(path, failure) && fs::last_write_time(path, failure) >= since_) return std::int64_t{0};
    SMOL_RETURN_IF_ERROR(read_item(item, bytes_));
    SMOL_RETURN_IF_ERROR(make_picture());
    encoded_.clear();
    SMOL_RETURN_IF_ERROR(encode(picture_.view(), options_.format, encoded_));
    fs::create_directories(path.parent_path(), failure);
    const std::string temporary = path.string() + ".tmp";
    std::ofstream file(temporary, std::ios::binary);
    file.write(reinterpret_cast<const char*>(encoded_.data()), static_cast<std::streamsize>(encoded_.size()));
    file.close();
    if (file.fail()) return Error{ErrorCode::kIo, "cannot write file: " + temporary, Stage::kWrite};
    fs::rename(temporary, path, failure);
    if (failure)
      return Error{ErrorCode::kIo, "cannot rename into place, " + failure.message() + ": " + path.string(), Stage::kWrite};
    return static_cast<std::int64_t>(encoded_.size());
  }

 private:
  Status claim(const std::string& path) {
    if (claimed_.claim(path)) return {};
    return Error{ErrorCode::kInvalidArgument, "two pictures differ only in their extension; rename one: " + path,
                 Stage::kWrite};
  }

  // Decodes and resizes bytes_ into picture_.
  Status make_picture() {
    const Codec* codec = runtime_.codecs.sniff(bytes_);
    if (codec == nullptr) return runtime_.codecs.unrecognised(bytes_);
    const std::unique_ptr<Decoder> decoder = codec->create_decoder();
    SMOL_ASSIGN_OR_RETURN(const ImageHeader header, decoder->probe(bytes_));
    const Size size = target_size(options_.resize, header.oriented_size(), options_.upscale);
    const ColorOrder color = header.is_gray() ? ColorOrder::kGray : ColorOrder::kRGB;
    ResizeOp resize = options_.resize;
    resize.mode = ResizeOp::Mode::kExact;
    resize.width = size.width;
    resize.height = size.height;
    PhysicalPipeline pipeline;
    pipeline.decode.format = header.is_gray() ? PixelFormat::kGray8 : PixelFormat::kRgbx8;
    pipeline.host_steps.emplace_back(
        FusedStep{{OrientOp{}, resize, ColorOp{color}, ConvertOp{DType::kU8}, LayoutOp{Layout::kNHWC}}, 22});
    SMOL_ASSIGN_OR_RETURN(const std::unique_ptr<Preprocessor> preprocessor, create_preprocessor(pipeline));
    // Pictures have padded rows, tensors have none: the tensor is packed first.
    const TensorSlot packed{nullptr, DType::kU8, Layout::kNHWC, color, size.width, size.height};
    packed_.resize(packed.size_bytes() + 64);
    TensorSlot slot = packed;
    slot.data = packed_.data();
    PreprocessOptions preprocess;
    preprocess.fail_on = options_.fail_on;
    preprocess.limits = options_.limits;
    preprocess.stop = options_.stop;
    if (auto report = preprocessor->run(*decoder, bytes_, header, preprocess, slot); !report.ok())
      return std::move(report).error();
    picture_.reshape(header.is_gray() ? PixelFormat::kGray8 : PixelFormat::kRgb8, size.width, size.height);
    const std::size_t row_bytes = static_cast<std::size_t>(size.width) * packed.channels();
    for (int y = 0; y < size.height; ++y) std::copy_n(packed_.data() + y * row_bytes, row_bytes, picture_.view().row(y));
    return {};
  }

  const Runtime& runtime_;
  const std::string& folder_;
  const RenditionOptions& options_;
  const fs::file_time_type since_;
  ClaimedFiles& claimed_;
  std::vector<std::uint8_t> bytes_, packed_, encoded_;
  Image picture_;
};

}  // namespace

Result<RenditionReport> make_rendition(const Runtime& runtime, Source& source, const std::string& folder,
                                       const RenditionOptions& options) {
  SMOL_ASSIGN_OR_RETURN(const fs::file_time_type since, prepare_folder(folder, options));
  const auto start = std::chrono::steady_clock::now();
  RenditionReport report;
  std::mutex mutex;
  ClaimedFiles claimed;
  const auto work = [&] {
    RenditionWorker worker(runtime, folder, options, since, claimed);
    while (!options.stop.stop_requested()) {
      Result<std::optional<Item>> item = source.next();
      if (!item.ok() || !*item) return;
      Result<std::int64_t> written = worker.process(**item);
      const std::scoped_lock lock(mutex);
      if (!written.ok()) {
        report.failures.emplace_back((*item)->id, std::move(written).error());
      } else if (*written == 0) {
        ++report.skipped;
      } else {
        ++report.written;
        report.bytes += *written;
      }
      report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      if (options.on_progress) {
        options.on_progress({report.written, static_cast<std::int64_t>(report.failures.size()), report.skipped,
                             source.size(), report.seconds});
      }
    }
  };
  const int num_workers = options.host_workers > 0 ? options.host_workers : available_cores();
  {
    std::vector<std::jthread> threads;
    threads.reserve(num_workers);
    for (int i = 0; i < num_workers; ++i) threads.emplace_back(work);
  }
  std::sort(report.failures.begin(), report.failures.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (options.stop.stop_requested())
    return Error{ErrorCode::kCancelled, "stopped; the files written are whole, continue with --resume: " + folder};
  return report;
}

}  // namespace smol
