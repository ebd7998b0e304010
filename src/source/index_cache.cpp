#include "source/index_cache.h"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>

#include "base/digest.h"
#include "base/text_file.h"
#include "smol/source.h"

namespace smol {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kMagic = "smol video index 2\n";

/// Little-endian 64-bit words and texts with their length before them.
class ByteWriter {
 public:
  template <typename Value>
  void put(Value value) {
    static_assert(std::is_arithmetic_v<Value> && sizeof(Value) <= 8);
    std::uint64_t word = 0;
    if constexpr (std::is_floating_point_v<Value>) {
      std::memcpy(&word, &value, sizeof(value));
    } else {
      word = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    }
    for (int byte = 0; byte < 8; ++byte) bytes_.push_back(static_cast<std::uint8_t>(word >> (8 * byte)));
  }
  void put(const std::string& text) {
    put(text.size());
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  std::vector<std::uint8_t> bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  template <typename Value>
  void get(Value& value) {
    std::uint64_t word = 0;
    if (bytes_.size() - place_ < 8) {
      failed_ = true;
      return;
    }
    for (int byte = 0; byte < 8; ++byte) word |= std::uint64_t{bytes_[place_ + byte]} << (8 * byte);
    place_ += 8;
    if constexpr (std::is_floating_point_v<Value>) {
      std::memcpy(&value, &word, sizeof(value));
    } else {
      value = static_cast<Value>(static_cast<std::int64_t>(word));
    }
  }
  void get(std::string& text) {
    const std::size_t size = get_count(1);
    if (failed_) return;
    text.assign(bytes_.begin() + static_cast<std::ptrdiff_t>(place_),
                bytes_.begin() + static_cast<std::ptrdiff_t>(place_ + size));
    place_ += size;
  }
  /// Of entries that take at least so many bytes each: no more than there can be.
  std::size_t get_count(std::size_t entry_bytes) {
    std::uint64_t count = 0;
    get(count);
    if (count > (bytes_.size() - place_) / entry_bytes) failed_ = true;
    return failed_ ? 0 : count;
  }
  [[nodiscard]] bool complete() const { return !failed_ && place_ == bytes_.size(); }

 private:
  ByteView bytes_;
  std::size_t place_ = 0;
  bool failed_ = false;
};

/// Calls `field` for each field of the description in turn; for both directions.
template <typename Info, typename Field>
void for_each_field(Info& info, Field field) {
  field(info.container), field(info.codec), field(info.width), field(info.height);
  field(info.time_base.numerator), field(info.time_base.denominator);
  field(info.frames_per_s), field(info.duration_s), field(info.claimed_frames), field(info.bits);
  field(info.chroma_horizontal), field(info.chroma_vertical), field(info.full_range), field(info.hdr);
  field(info.has_b_frames), field(info.can_skip_deblocking), field(info.max_scale_denominator), field(info.file_bytes);
}

std::string cache_file(const VideoLibrary& library, const std::string& path, const std::string& folder) {
  Item item;
  item.path = fs::absolute(path).lexically_normal().string();
  const std::string key = item.path + "|" + fingerprint_of(item) + "|" + library.description();
  std::string name = digest_of(key).substr(5);
  return (fs::path(folder) / ("frames-" + name + ".index")).string();
}

}  // namespace

std::vector<std::uint8_t> serialize(const VideoIndex& index) {
  ByteWriter writer;
  writer.bytes_.assign(kMagic.begin(), kMagic.end());
  for_each_field(index.info, [&](const auto& field) { writer.put(field); });
  writer.put(static_cast<int>(index.info.orientation));
  writer.put(index.info.matrix ? static_cast<int>(*index.info.matrix) : -1);
  writer.put(index.num_packets), writer.put(index.seekable), writer.put(index.timed);
  writer.put(index.frames.size());
  for (const VideoFrame& frame : index.frames) {
    writer.put(frame.pts), writer.put(frame.packet), writer.put(frame.key), writer.put(frame.reference);
  }
  writer.put(index.groups.size());
  for (const VideoGroup& group : index.groups) {
    writer.put(group.packet), writer.put(group.dts), writer.put(group.first_frame);
    writer.put(group.num_packets), writer.put(group.bytes);
  }
  const std::string digest = digest_of(writer.bytes_);
  writer.bytes_.insert(writer.bytes_.end(), digest.begin(), digest.end());
  return std::move(writer.bytes_);
}

Result<VideoIndex> parse_index(ByteView bytes) {
  const auto damaged = [] { return Error{ErrorCode::kCorrupt, "not a whole index of a video's frames", Stage::kRead}; };
  const std::size_t digest_size = digest_of(std::string_view{}).size();
  if (bytes.size() < kMagic.size() + digest_size || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    return damaged();
  const ByteView content = bytes.first(bytes.size() - digest_size);
  const std::string digest = digest_of(content);
  if (std::memcmp(digest.data(), bytes.data() + content.size(), digest_size) != 0) return damaged();
  ByteReader reader(content.subspan(kMagic.size()));
  VideoIndex index;
  for_each_field(index.info, [&](auto& field) { reader.get(field); });
  int orientation = 1, matrix = -1;
  reader.get(orientation), reader.get(matrix);
  index.info.orientation = static_cast<Orientation>(orientation);
  if (matrix >= 0) index.info.matrix = static_cast<ColorMatrix>(matrix);
  reader.get(index.num_packets), reader.get(index.seekable), reader.get(index.timed);
  index.frames.resize(reader.get_count(32));
  for (VideoFrame& frame : index.frames) {
    reader.get(frame.pts), reader.get(frame.packet), reader.get(frame.key), reader.get(frame.reference);
  }
  index.groups.resize(reader.get_count(40));
  for (VideoGroup& group : index.groups) {
    reader.get(group.packet), reader.get(group.dts), reader.get(group.first_frame);
    reader.get(group.num_packets), reader.get(group.bytes);
  }
  if (!reader.complete() || index.frames.empty() || index.groups.empty()) return damaged();
  return index;
}

Result<VideoIndex> index_of_video(const VideoLibrary& library, const std::string& path, const std::string& folder,
                                  const std::stop_token& stop) {
  if (folder.empty()) return library.index(path, stop);
  const std::string file = cache_file(library, path, folder);
  std::vector<std::uint8_t> bytes;
  if (read_file(file, bytes).ok()) {
    if (Result<VideoIndex> kept = parse_index(bytes); kept.ok()) return kept;
  }
  Result<VideoIndex> index = library.index(path, stop);
  std::error_code ignored;
  if (!index.ok() || (fs::create_directories(folder, ignored), ignored)) return index;
  bytes = serialize(*index);
  (void)write_text_file(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return index;
}

}  // namespace smol
