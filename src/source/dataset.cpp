#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <span>
#include <unordered_map>

#include "smol/source.h"
#include "source/csv.h"
#include "source/folder.h"
#include "source/join_key.h"
#include "source/rendition_index.h"
#include "source/store.h"
#include "source/stored_dataset.h"
#include "source/videos.h"

namespace smol {
namespace {
namespace fs = std::filesystem;

Result<int> parse_integer(const std::string& text, const std::string& where) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("expected an integer in {}: '{}'", where, text)};
  }
  return value;
}

// A coordinate of a region; detectors give fractions of pixels.
Result<double> parse_coordinate(const std::string& text, const std::string& where) {
  constexpr double kLimit = 1e9;
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || !(std::abs(value) <= kLimit)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("expected a number of pixels, -1e9..1e9, in {}: '{}'", where, text)};
  }
  return value;
}

// All pixels that the box touches.
Rect pixels_of(double x, double y, double width, double height) {
  const auto left = static_cast<int>(std::floor(x)), top = static_cast<int>(std::floor(y));
  return {left, top, static_cast<int>(std::ceil(x + width)) - left, static_cast<int>(std::ceil(y + height)) - top};
}

// Labels, regions and calibration lists name items by id: the path in the first rendition, with extension.
std::unordered_map<std::string, std::size_t> index_of_ids(const std::vector<std::string>& ids) {
  std::unordered_map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < ids.size(); ++i) index.emplace(ids[i], i);
  return index;
}

Result<int> required_column(const CsvTable& table, std::initializer_list<std::string_view> names, const std::string& path) {
  for (std::string_view name : names) {
    if (const int column = table.column(name); column >= 0) return column;
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("no column '{}' in {}; it has: {}", *names.begin(), path, fmt::join(table.columns, ", "))};
}

// The number of a region of an item.
Result<std::size_t> find_region(const Dataset& dataset, std::size_t item, const std::string& name,
                                const std::string& where) {
  std::vector<std::string> names;
  if (!dataset.regions.empty()) {
    for (const Region& region : dataset.regions[item]) {
      if (region.name == name) return names.size();
      names.push_back(region.name);
    }
  }
  const std::string known = names.empty() ? "none; list them under `regions`" : fmt::format("{}", fmt::join(names, ", "));
  return Error{ErrorCode::kInvalidArgument, fmt::format("{} labels a region that the item does not have: item '{}', region "
                                                        "'{}', its regions: {}",
                                                        where, dataset.item_ids[item], name, known)};
}

// Labels are for items, which stand for all regions of theirs, or for single regions.
class LabelReader {
 public:
  LabelReader(const std::string& path, Dataset& dataset)
      : path_(path), dataset_(dataset), index_(index_of_ids(dataset.item_ids)) {}

  Status read() {
    SMOL_ASSIGN_OR_RETURN(const CsvTable table, read_csv(path_));
    SMOL_ASSIGN_OR_RETURN(const int item, required_column(table, {"item", "file"}, path_));
    SMOL_ASSIGN_OR_RETURN(const int label, required_column(table, {"label"}, path_));
    const int region = table.column("region");
    dataset_.labels.assign(dataset_.item_ids.size(), -1);
    for (std::size_t number = 0; number < table.rows.size(); ++number) {
      const std::vector<std::string>& row = table.rows[number];
      SMOL_ASSIGN_OR_RETURN(const int value, parse_integer(row[label], path_));
      SMOL_RETURN_IF_ERROR(put(row[item], region < 0 ? "" : row[region], value, table.lines[number]));
    }
    if (num_matched_ > 0) return {};
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no label names an item of the dataset; first label's item '{}', first item '{}': {}",
                             table.rows.empty() ? "" : table.rows.front()[item],
                             dataset_.item_ids.empty() ? "" : dataset_.item_ids.front(), path_)};
  }

 private:
  Status put(const std::string& item, const std::string& region, int label, int line) {
    if (const auto [first, added] = line_of_.try_emplace({item, region}, line); !added) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("lines {} and {} label the same item{}; keep one: item '{}'{} in {}", first->second, line,
                               region.empty() ? "" : " and region", item,
                               region.empty() ? "" : fmt::format(", region '{}'", region), path_)};
    }
    const auto found = index_.find(item);
    if (found == index_.end()) return {};
    ++num_matched_;
    if (region.empty()) {
      dataset_.labels[found->second] = label;
      return {};
    }
    SMOL_ASSIGN_OR_RETURN(const std::size_t number,
                          find_region(dataset_, found->second, region, fmt::format("line {} of {}", line, path_)));
    dataset_.region_labels.resize(dataset_.item_ids.size());
    std::vector<int>& labels = dataset_.region_labels[found->second];
    labels.resize(dataset_.regions[found->second].size(), -1);
    labels[number] = label;
    return {};
  }

  const std::string& path_;
  Dataset& dataset_;
  std::unordered_map<std::string, std::size_t> index_;
  std::map<std::pair<std::string, std::string>, int> line_of_;
  std::size_t num_matched_ = 0;
};

// Items are named with their extension; the likely slip is to leave it out, to name another rendition's, or the folder.
std::string near_match(const std::vector<std::string>& ids, const std::string& name) {
  const auto same = [&](auto part_of) {
    return std::find_if(ids.begin(), ids.end(), [&](const std::string& id) { return part_of(id) == part_of(name); });
  };
  auto found = same(stem_of);
  if (found == ids.end()) found = same([](const std::string& id) { return fs::path(id).filename().string(); });
  if (found == ids.end()) found = same([](const std::string& id) { return fs::path(id).stem().string(); });
  return found == ids.end() ? "" : fmt::format("; did you mean '{}'?", *found);
}

Status read_regions(const std::string& path, Dataset& dataset) {
  SMOL_ASSIGN_OR_RETURN(const CsvTable table, read_csv(path));
  std::array<int, 6> columns{};
  constexpr std::array<std::string_view, 6> kNames{"item", "region", "x", "y", "width", "height"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    SMOL_ASSIGN_OR_RETURN(columns[i], required_column(table, {kNames[i]}, path));
  }
  const auto index = index_of_ids(dataset.item_ids);
  dataset.regions.assign(dataset.item_ids.size(), {});
  std::map<std::pair<std::string, std::string>, int> line_of;
  for (std::size_t number = 0; number < table.rows.size(); ++number) {
    const std::vector<std::string>& row = table.rows[number];
    const int line = table.lines[number];
    const auto found = index.find(row[columns[0]]);
    if (found == index.end()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("line {} names no item of the dataset{}: '{}' in {}", line,
                               near_match(dataset.item_ids, row[columns[0]]), row[columns[0]], path)};
    }
    if (const auto [first, added] = line_of.try_emplace({row[columns[0]], row[columns[1]]}, line); !added) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("lines {} and {} are the same region; give each region of an item its own name: item '{}', "
                               "region '{}' in {}",
                               first->second, line, row[columns[0]], row[columns[1]], path)};
    }
    std::array<double, 4> values{};
    for (std::size_t i = 0; i < values.size(); ++i) {
      SMOL_ASSIGN_OR_RETURN(values[i], parse_coordinate(row[columns[i + 2]], fmt::format("line {} of {}", line, path)));
    }
    if (values[2] <= 0 || values[3] <= 0) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("a region's width and height must be positive, line {}: item '{}', region '{}', {}x{} in {}",
                               line, row[columns[0]], row[columns[1]], values[2], values[3], path)};
    }
    dataset.regions[found->second].push_back({row[columns[1]], pixels_of(values[0], values[1], values[2], values[3])});
  }
  return {};
}

// Renditions are joined by path without extension: a.jpg and a.png would both be thumbs/a.png.
Status check_stems(const Dataset& dataset) {
  std::unordered_map<std::string, std::string> item_of;
  for (const std::string& id : dataset.item_ids) {
    if (const auto [first, added] = item_of.try_emplace(join_key_of(id), id); !added) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("two pictures of rendition '{}' differ only in their extension, so the other renditions cannot "
                      "tell them apart; rename one: {}, {}",
                      dataset.renditions.front().name, first->second, id)};
    }
  }
  return {};
}

bool looks_like_picture(const std::string& path, const RecognisePicture& recognise) {
  constexpr std::int64_t kFirstBytes = 32;
  std::vector<std::uint8_t> bytes;
  return recognise && read_file_range(path, 0, kFirstBytes, bytes).ok() && recognise(bytes);
}

// The frames of the videos named `keys`, paths in the first rendition, take their places among the items.
Status add_videos(Dataset& dataset, const std::vector<std::string>& keys, const DatasetOptions& options) {
  for (Dataset::Rendition& rendition : dataset.renditions) {
    const bool is_first = &rendition == &dataset.renditions.front();
    std::error_code ignored;
    const bool is_file = !is_first && !fs::is_directory(rendition.path, ignored);
    const RenditionIndex index = is_first || is_file ? RenditionIndex{} : RenditionIndex(rendition);
    std::map<std::string, Result<std::string>> paths;
    for (const std::string& key : keys) {
      Result<std::string> path = is_first  ? Result<std::string>(resolve(rendition.path, key))
                                 : is_file ? Result<std::string>(rendition.path)
                                           : index.locate(key);
      paths.emplace(key, std::move(path));
    }
    SMOL_ASSIGN_OR_RETURN(rendition.videos, index_videos(paths, options));
  }
  for (std::string& id : frame_ids(dataset.renditions.front(), options.frames.value_or(FrameSampling{})))
    dataset.item_ids.push_back(std::move(id));
  return {};
}

// A rendition may be one video rather than a folder.
Status take_single_video(Dataset& dataset, const DatasetOptions& options) {
  Dataset::Rendition& first = dataset.renditions.front();
  const fs::path file(first.path);
  first.path = file.parent_path().empty() ? "." : file.parent_path().string();
  return add_videos(dataset, {file.filename().string()}, options);
}

bool is_video_file(const std::string& path) {
  constexpr std::int64_t kFirstBytes = 4096;
  std::vector<std::uint8_t> bytes;
  return has_video_extension(path) || (read_file_range(path, 0, kFirstBytes, bytes).ok() && looks_like_video(bytes));
}

// A folder of pictures may also hold labels or notes.
Status read_item_ids(Dataset& dataset, const DatasetOptions& options) {
  const RecognisePicture& recognise = options.recognise;
  std::error_code ignored;
  const std::string& first = dataset.renditions.front().path;
  if (fs::is_regular_file(first, ignored) && !may_be_store(first) && is_video_file(first))
    return take_single_video(dataset, options);
  SMOL_RETURN_IF_ERROR(open_stores(dataset));
  if (dataset.renditions.front().store) {
    SMOL_RETURN_IF_ERROR(read_stored_items(dataset, recognise));
    return dataset.renditions.size() > 1 ? check_stems(dataset) : Status{};
  }
  const std::string& folder = dataset.renditions.front().path;
  SMOL_ASSIGN_OR_RETURN(std::vector<std::string> files, list_files(folder, &dataset.num_passed_over));
  std::vector<std::string> videos;
  std::copy_if(files.begin(), files.end(), std::back_inserter(videos), has_video_extension);
  const bool can_tell = recognise || !videos.empty() || std::any_of(files.begin(), files.end(), has_picture_extension);
  if (can_tell) {
    dataset.num_passed_over += static_cast<std::int64_t>(std::erase_if(files, [&](const std::string& file) {
      return !has_picture_extension(file) && !looks_like_picture(resolve(folder, file), recognise);
    }));
  }
  if (files.empty() && !videos.empty()) {
    dataset.num_passed_over -= static_cast<std::int64_t>(videos.size());
    return add_videos(dataset, videos, options);
  }
  if (files.empty()) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("the folder holds no pictures, {} other entries: {}", dataset.num_passed_over, folder),
                 Stage::kRead};
  }
  dataset.item_ids = std::move(files);
  return dataset.renditions.size() > 1 ? check_stems(dataset) : Status{};
}

Status check_keys(const YAML::Node& map, std::span<const std::string_view> allowed, const std::string& path) {
  for (const auto& entry : map) {
    const auto key = entry.first.as<std::string>();
    if (std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
    return Error{ErrorCode::kInvalidArgument, fmt::format("unknown key '{}' on line {}; allowed are {}: {}", key,
                                                          entry.first.Mark().line + 1, fmt::join(allowed, ", "), path)};
  }
  return {};
}

Status read_renditions(const YAML::Node& node, const fs::path& folder, Dataset& dataset) {
  if (!node.IsMap() || node.size() == 0) {
    return Error{ErrorCode::kInvalidArgument, "`renditions` must map names to {path: folder}: " + dataset.path};
  }
  for (const auto& entry : node) {
    const auto name = entry.first.as<std::string>();
    if (entry.second.IsMap())
      SMOL_RETURN_IF_ERROR(check_keys(entry.second, std::array<std::string_view, 1>{"path"}, dataset.path));
    const YAML::Node path = entry.second.IsMap() ? entry.second["path"] : entry.second;
    if (!path || !path.IsScalar()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("rendition '{}' needs a path: {}", name, dataset.path)};
    }
    dataset.renditions.push_back({name, resolve(folder, path.as<std::string>())});
  }
  return {};
}

Status read_calibration(const YAML::Node& node, Dataset& dataset) {
  if (node.IsSequence()) {
    dataset.calibration = node.as<std::vector<std::string>>();
    const auto index = index_of_ids(dataset.item_ids);
    for (const std::string& id : dataset.calibration) {
      if (!index.contains(id)) return Error{ErrorCode::kNotFound, "a calibration item is not in the dataset: " + id};
    }
    return {};
  }
  dataset.calibration_fraction = node.as<double>();
  if (dataset.calibration_fraction <= 0 || dataset.calibration_fraction > 1) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("`calibration` must be a list of items or a fraction in (0, 1]: {}", dataset.calibration_fraction)};
  }
  return {};
}

Status read_sampling(const YAML::Node& node, DatasetOptions& options, const std::string& path) {
  Result<FrameSampling> sampling = parse_frame_sampling(node.as<std::string>());
  if (!sampling.ok()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("`frames`: {}, on line {} of {}", sampling.error().message, node.Mark().line + 1, path)};
  }
  if (!options.frames) options.frames = *sampling;
  return {};
}

Result<Dataset> read_yaml(const std::string& path, DatasetOptions options) {
  Dataset dataset;
  dataset.path = path;
  const fs::path folder = fs::path(path).parent_path();
  const YAML::Node root = YAML::LoadFile(path);
  if (!root.IsMap()) return Error{ErrorCode::kInvalidArgument, "a dataset file is a map with the key `renditions`: " + path};
  constexpr std::array<std::string_view, 6> kKeys{"renditions", "labels", "regions", "calibration", "models", "frames"};
  SMOL_RETURN_IF_ERROR(check_keys(root, kKeys, path));
  if (!root["renditions"]) return Error{ErrorCode::kInvalidArgument, "a dataset file needs the key `renditions`: " + path};
  SMOL_RETURN_IF_ERROR(read_renditions(root["renditions"], folder, dataset));
  if (root["frames"]) SMOL_RETURN_IF_ERROR(read_sampling(root["frames"], options, path));
  SMOL_RETURN_IF_ERROR(read_item_ids(dataset, options));
  if (root["regions"]) SMOL_RETURN_IF_ERROR(read_regions(resolve(folder, root["regions"].as<std::string>()), dataset));
  if (root["labels"]) {  // after the regions, which they may name
    const std::string labels = resolve(folder, root["labels"].as<std::string>());
    SMOL_RETURN_IF_ERROR(LabelReader(labels, dataset).read());
  }
  if (root["calibration"]) SMOL_RETURN_IF_ERROR(read_calibration(root["calibration"], dataset));
  if (root["models"]) {
    for (const YAML::Node& model : root["models"]) dataset.models.push_back(resolve(folder, model.as<std::string>()));
  }
  return dataset;
}

// Videos that a list names stand for their frames, in their places.
Status expand_videos(Dataset& dataset, const DatasetOptions& options) {
  std::vector<std::string> videos, ids;
  std::copy_if(dataset.item_ids.begin(), dataset.item_ids.end(), std::back_inserter(videos), has_video_extension);
  if (videos.empty()) return {};
  ids.swap(dataset.item_ids);
  SMOL_RETURN_IF_ERROR(add_videos(dataset, videos, options));
  std::unordered_map<std::string, std::vector<std::string>> frames;
  for (std::string& id : dataset.item_ids) frames[id.substr(0, id.rfind('#'))].push_back(std::move(id));
  dataset.item_ids.clear();
  for (std::string& id : ids) {
    const auto found = frames.find(id);
    if (found == frames.end()) {
      dataset.item_ids.push_back(std::move(id));
    } else {
      std::move(found->second.begin(), found->second.end(), std::back_inserter(dataset.item_ids));
    }
  }
  return {};
}

Result<Dataset> read_list(const std::string& path, const DatasetOptions& options) {
  Dataset dataset;
  dataset.path = path;
  dataset.renditions.push_back({"full", fs::path(path).parent_path().string()});
  if (dataset.renditions.front().path.empty()) dataset.renditions.front().path = ".";
  std::vector<std::uint8_t> bytes;
  SMOL_RETURN_IF_ERROR(read_file(path, bytes));
  std::string line;
  for (std::size_t i = 0; i <= bytes.size(); ++i) {
    const char c = i < bytes.size() ? static_cast<char>(bytes[i]) : '\n';
    if (c != '\n') {
      if (c != '\r') line += c;
      continue;
    }
    // A name that begins with # is written ./#name
    const bool blank = line.find_first_not_of(" \t") == std::string::npos;
    if (!blank && line.front() != '#') dataset.item_ids.push_back(line);
    line.clear();
  }
  if (dataset.item_ids.empty()) return Error{ErrorCode::kInvalidArgument, "the list names no items: " + path};
  SMOL_ASSIGN_OR_RETURN(dataset.renditions.front().store, open_listed(dataset.item_ids, path));
  std::vector<std::string> sorted = dataset.item_ids;
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("the list names an item twice: '{}' in {}", *twice, path)};
  }
  SMOL_RETURN_IF_ERROR(expand_videos(dataset, options));
  return dataset;
}

}  // namespace

Result<std::string> Dataset::locate(const Rendition& rendition, const std::string& item_id) const {
  if (rendition.store) {
    SMOL_ASSIGN_OR_RETURN(const StoredPicture found, find_stored(*this, rendition, item_id));
    return found.store->path_of(found.member);
  }
  const std::string same = resolve(rendition.path, item_id);
  std::error_code ignored;
  if (rendition.name == renditions.front().name && fs::exists(same, ignored)) return same;
  std::vector<std::string> matches;
  for (const std::string& key : {join_key_of(item_id), inner_key_of(item_id)}) {
    const fs::path wanted(resolve(rendition.path, key));
    if (!matches.empty()) break;
    for (const auto& entry : fs::directory_iterator(wanted.parent_path(), ignored)) {
      if (entry.path().stem() == wanted.filename() && entry.is_regular_file(ignored))
        matches.push_back(entry.path().string());
    }
  }
  return choose_match(rendition, item_id, std::move(matches));
}

std::unique_ptr<Source> Dataset::open(const std::string& name, int shard, int num_shards) const {
  const auto found = std::find_if(renditions.begin(), renditions.end(), [&](const Rendition& r) { return r.name == name; });
  // Listing a rendition once costs one walk; asking the file system for every item would cost one walk an item.
  const bool is_reference = found == renditions.begin();
  if (is_reference) {
    if (std::unique_ptr<Source> members = open_members(*this, shard, num_shards)) return members;
  }
  const bool is_folder = !is_reference && found != renditions.end() && !found->store;
  const RenditionIndex index = is_folder ? RenditionIndex(*found) : RenditionIndex{};
  std::vector<Item> items;
  for (std::size_t i = static_cast<std::size_t>(shard); i < item_ids.size(); i += static_cast<std::size_t>(num_shards)) {
    Item item;
    item.id = item_ids[i];
    if (!regions.empty()) item.regions = regions[i];
    if (found == renditions.end()) {
      item.error = Error{ErrorCode::kNotFound, "the dataset has no rendition: " + name, Stage::kRead};
    } else if (place_in_video(renditions.front(), *found, item)) {
      if (item.video && !item.regions.empty()) item.full_size = frame_size_of(renditions.front(), item.id);
    } else if (found->store) {
      set_stored(item, find_stored(*this, *found, item.id));
    } else if (is_reference) {
      item.path = resolve(found->path, item.id);
    } else if (Result<std::string> file = index.locate(item.id); file.ok()) {
      item.path = *std::move(file);
    } else {
      item.error = std::move(file).error();
    }
    if (!is_reference && !item.error && !item.video && !item.regions.empty()) set_frame(*this, item);
    items.push_back(std::move(item));
  }
  return from_items(std::move(items));
}

int Dataset::label_of(std::size_t item, std::size_t region) const {
  if (item < region_labels.size() && region < region_labels[item].size() && region_labels[item][region] >= 0)
    return region_labels[item][region];
  return item < labels.size() ? labels[item] : -1;
}

Result<Dataset> open_dataset(const std::string& name, const DatasetOptions& options) {
  std::error_code ignored;
  const fs::path given(name);
  if (!may_be_store(name) && !fs::exists(given, ignored))
    return Error{ErrorCode::kNotFound, "no such file or folder: " + name, Stage::kRead};
  const std::string extension = given.extension().string();
  try {
    if (extension == ".yaml" || extension == ".yml") return read_yaml(name, options);
  } catch (const YAML::Exception& failure) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("cannot read dataset file, {}: {}", failure.what(), name)};
  }
  if (extension == ".txt") return read_list(name, options);
  Dataset dataset;
  dataset.path = name;
  if (fs::is_directory(given, ignored) || may_be_store(name)) {
    dataset.renditions.push_back({"full", name});
    SMOL_RETURN_IF_ERROR(read_item_ids(dataset, options));
    return dataset;
  }
  const bool is_picture = has_picture_extension(name) || looks_like_picture(name, options.recognise);
  if (!is_picture && is_video_file(name)) {
    dataset.renditions.push_back({"full", name});
    SMOL_RETURN_IF_ERROR(take_single_video(dataset, options));
    return dataset;
  }
  const std::string folder = given.parent_path().string();
  dataset.renditions.push_back({"full", folder.empty() ? "." : folder});
  dataset.item_ids.push_back(given.filename().string());
  return dataset;
}

}  // namespace smol
