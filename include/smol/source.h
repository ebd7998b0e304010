#pragma once
/// Where items come from: files, folders, lists, videos, bytes in memory, decoded pictures, generators.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "smol/codec.h"
#include "smol/image.h"
#include "smol/result.h"
#include "smol/video.h"

namespace smol {

/// A region of interest of an item, in the oriented picture of the first rendition (its frame).
struct Region {
  std::string name;
  Rect rect;
};

/// Pictures by name in something that is no folder: an archive, a table, a bucket, a list of addresses (source/store.h).
class Store;
/// One picture of a store; without a store: none.
struct StoredPicture {
  std::shared_ptr<const Store> store = nullptr;
  std::int64_t member = 0;
};

/// One picture to be processed. Exactly one of path, bytes, picture is set; a missing rendition has an error instead.
struct Item {
  std::string id;    ///< relative path or archive!member, stable across renditions of the same layout; of a frame with #pts
  std::string path;  ///< file on disk; of a stored picture, what it is called in messages
  std::shared_ptr<const VideoIndex> video;  ///< of the file, where the item is one of its frames
  std::int64_t frame = 0;                   ///< number of the frame in `video`
  std::shared_ptr<const std::vector<std::uint8_t>> bytes;
  std::shared_ptr<const Image> picture;  ///< already decoded and oriented
  std::vector<Region> regions;           ///< empty: the whole picture
  std::optional<Size> full_size;  ///< oriented, of the frame of the regions; empty: this picture, or read from frame_path
  std::string frame_path;         ///< file with the regions' frame, when that is another rendition; only its header counts
  std::optional<Error> error;     ///< the item cannot be read; it still gets a row
  StoredPicture stored;           ///< where the bytes are when `path` is no file
  StoredPicture frame_stored;     ///< the same for frame_path
};

/// A stream of items. next() is called from several workers at once and must be thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  /// The next item, or nullopt at the end.
  virtual Result<std::optional<Item>> next() = 0;
  /// The next items that are best decoded together, by one worker: a picture, or frames of a video (unit_end()); none at the
  /// end. The default gives one at a time. `unit` is cleared first; its capacity is reused.
  virtual Status next_unit(std::vector<Item>& unit);
  static constexpr std::int64_t kToTheEnd = std::int64_t{1} << 31;
  /// Bytes [offset, offset + length) of an item's encoded picture into `buffer`, fewer where it ends; its capacity is reused
  /// and 64 readable bytes follow. Called from several threads at once. The default is read_item(); sources of other storage
  /// override it. kNotFound, kIo, kTimeout, kLimitExceeded for more than kToTheEnd.
  virtual Status read_range(const Item& item, std::int64_t offset, std::int64_t length, std::vector<std::uint8_t>& buffer);
  /// How many items there will be, when known: for progress and ETA.
  [[nodiscard]] virtual std::optional<std::int64_t> size() const { return std::nullopt; }
};

/// Where the work unit ends that begins with items[begin]: frames of one video in ascending order that need the same group
/// of packets, of several small groups, and all of a video that cannot be sought; else one item.
[[nodiscard]] std::size_t unit_end(std::span<const Item> items, std::size_t begin);
/// The file of an item, with #pts for a frame: what caches know it by. Empty for items that are in memory.
[[nodiscard]] std::string location_of(const Item& item);

/// Whether the first bytes of a file (32 or all) look like a picture: `codecs.sniff(bytes) != nullptr`.
using RecognisePicture = std::function<bool(ByteView first_bytes)>;
/// The items of open_dataset(): pictures under a folder, sorted by relative path; one file; or a list.
[[nodiscard]] Result<std::unique_ptr<Source>> open_folder(const std::string& path, const RecognisePicture& recognise = {});
[[nodiscard]] std::unique_ptr<Source> from_items(std::vector<Item> items);
/// `generator` is called under a lock until it returns nullopt.
[[nodiscard]] std::unique_ptr<Source> from_generator(std::function<std::optional<Item>()> generator,
                                                     std::optional<std::int64_t> size = std::nullopt);

/// Bytes [offset, offset + length) of an item's file, store or memory, as Source::read_range() gives them; without its
/// source.
Status read_item(const Item& item, std::int64_t offset, std::int64_t length, std::vector<std::uint8_t>& buffer);
/// The whole encoded picture of an item.
Status read_item(const Item& item, std::vector<std::uint8_t>& buffer);
/// The one picture that a name stands for: a file, archive!member, an address (s3://, http://). kNotFound names what is
/// near.
[[nodiscard]] Result<Item> item_named(const std::string& name);
/// The whole encoded picture that a name stands for, see item_named().
Status read_named(const std::string& name, std::vector<std::uint8_t>& buffer);
/// The picture with the frame of an item's regions.
[[nodiscard]] Item frame_of(const Item& item);
/// Bytes [offset, offset + length) of a file, as Source::read_range() gives them.
Status read_file_range(const std::string& path, std::int64_t offset, std::int64_t length, std::vector<std::uint8_t>& buffer);
/// Reads a whole file into `buffer` (capacity is reused; 64 readable bytes follow the data). kNotFound, kIo, kLimitExceeded.
Status read_file(const std::string& path, std::vector<std::uint8_t>& buffer, std::int64_t max_bytes = std::int64_t{1} << 31);

/// Content identity for resume and caches: size and modification time of a file, hash of bytes otherwise; with regions also
/// what says how large their frame is. `file_bytes`, if given, is set to the file's size where there is one.
[[nodiscard]] std::string fingerprint_of(const Item& item, std::int64_t* file_bytes = nullptr);
/// The same for one region: another rectangle of that name is other content. `item_fingerprint` is fingerprint_of(item).
[[nodiscard]] std::string region_fingerprint(const std::string& item_fingerprint, const Item& item, std::size_t region);

/// Which frames of videos are items. Frames between them are decoded only as far as others need them.
struct FrameSampling {
  std::int64_t every = 1;  ///< frames 0, every, 2 * every, ...
  double per_second = 0;   ///< the frames that are shown at 0, 1 / per_second, 2 / per_second, ... seconds; 0: not by time
  bool key_only = false;   ///< frames that decode without others
  bool reference_only = false;  ///< frames that others may depend on, as far as their packets tell
  friend bool operator==(const FrameSampling&, const FrameSampling&) = default;
};
/// "all", "every:30", "rate:2" (a second), "key", "reference".
[[nodiscard]] std::string to_string(const FrameSampling& sampling);
[[nodiscard]] Result<FrameSampling> parse_frame_sampling(std::string_view text);
/// The numbers of the sampled frames, ascending.
[[nodiscard]] std::vector<std::int64_t> sample_frames(const VideoIndex& index, const FrameSampling& sampling);

/// A dataset: one folder, list, video or YAML file; items x renditions with optional labels and regions.
struct Dataset {
  struct Rendition {
    std::string name;  ///< "full"
    std::string path;  ///< folder, archive, pattern of archives, table or address, as open_dataset() takes it
    std::shared_ptr<const Store> store = nullptr;  ///< null: a folder
    /// Of each video its path in the first rendition, and what stands for it here. Frames of the same time are the same
    /// item.
    struct Video {
      std::string path;
      std::shared_ptr<const VideoIndex> index;  ///< null: it cannot be read
      std::optional<Error> error;               ///< why
    };
    std::map<std::string, Video> videos = {};
  };
  std::string path;                             ///< what the user named
  std::vector<Rendition> renditions;            ///< at least one; the first is the reference
  std::vector<std::string> item_ids;            ///< of the first rendition; of a folder sorted, else in the store's order
  std::vector<int> labels;                      ///< parallel to item_ids, -1 = none; empty when there are no labels
  std::vector<std::vector<Region>> regions;     ///< parallel to item_ids; empty when there are none
  std::vector<std::vector<int>> region_labels;  ///< parallel to regions, -1 = the item's; empty when no label names a region
  std::vector<std::string> models;              ///< card paths, resolved
  std::vector<std::string> calibration;         ///< item ids; empty: chosen by fraction
  double calibration_fraction = 0;              ///< 0: planner's choice
  /// Entries of the first rendition's folder that are no items: files that are no pictures, pipes, dead links.
  std::int64_t num_passed_over = 0;

  /// The label of a region of an item (0 for an item without regions): its own, else the item's; -1 = none.
  [[nodiscard]] int label_of(std::size_t item, std::size_t region) const;
  /// Path of `item_id` in a rendition: the same relative path, or the same stem with another extension; an archive counts as
  /// a folder of its name (docs/howto/archives-and-object-storage.md). kNotFound when missing, kInvalidArgument when two
  /// pictures share the stem.
  [[nodiscard]] Result<std::string> locate(const Rendition& rendition, const std::string& item_id) const;
  /// All items of a rendition, in item order; missing ones carry an error.
  [[nodiscard]] std::unique_ptr<Source> open(const std::string& rendition, int shard = 0, int num_shards = 1) const;
};
/// Items that are named one a line, as they come; `separator` ends a name. Blank lines and, between line ends, lines that
/// begin with # are passed over. The descriptor is read, not closed; reading stops when `stop` is requested.
[[nodiscard]] std::unique_ptr<Source> from_lines(int descriptor, char separator = '\n', std::stop_token stop = {});
struct DatasetOptions {
  RecognisePicture recognise;
  std::optional<FrameSampling> frames;  ///< absent: what the dataset file says, else all
  std::string index_folder;             ///< frame indices of videos are kept here and found again; empty: nowhere
  std::stop_token stop;                 ///< of reading videos for their indices
};
/// A folder, a picture, a video, a text list (.txt: one item a line; blank lines and lines that begin with # are passed
/// over), a YAML dataset file, an archive (.tar, .zip), a folder or pattern of archives (shards/{0000..0009}.tar), a table
/// (.parquet, ?image=COLUMN&id=COLUMN&label=COLUMN behind it), or an address (s3://bucket/prefix, http://, https://).
/// Labels: CSV item,label[,...] or item,region,label[,...]. In a folder, files with an extension that pictures have are
/// items, and other files that `recognise` takes for one; the rest is counted as passed over. Hidden files are no items and
/// not counted. Without `recognise` names decide, and where no name is that of a picture, every file is an item.
/// The items of a video are its frames, `video.mp4#pts`. Of a folder without pictures, and of a list, every video is taken;
/// one that cannot be read is an item with an error.
[[nodiscard]] Result<Dataset> open_dataset(const std::string& name, const DatasetOptions& options = {});

}  // namespace smol
