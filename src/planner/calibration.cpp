#include "planner/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <unordered_set>

#include "preprocess/thumbnail.h"

namespace smol {
namespace {

constexpr std::size_t kMaxItems = 256, kTooFewToSplit = 32;
constexpr std::size_t kMaxProbed = 64;

std::vector<std::size_t> evenly_spaced(std::size_t total, std::size_t wanted) {
  wanted = std::clamp<std::size_t>(wanted, 1, total);
  std::vector<std::size_t> chosen;
  chosen.reserve(wanted);
  for (std::size_t i = 0; i < wanted; ++i) chosen.push_back((2 * i + 1) * total / (2 * wanted));
  return chosen;
}

bool is_labelled(const Dataset& dataset, std::size_t item) {
  const std::size_t num_regions = dataset.regions.empty() ? 1 : std::max<std::size_t>(1, dataset.regions[item].size());
  for (std::size_t region = 0; region < num_regions; ++region) {
    if (dataset.label_of(item, region) >= 0) return true;
  }
  return false;
}

bool has_labels(const Dataset& dataset) {
  for (std::size_t i = 0; i < dataset.item_ids.size(); ++i) {
    if (is_labelled(dataset, i)) return true;
  }
  return false;
}

// All items, or those that have a label if any has.
std::vector<std::size_t> usable_items(const Dataset& dataset) {
  std::vector<std::size_t> labelled, all;
  for (std::size_t i = 0; i < dataset.item_ids.size(); ++i) {
    all.push_back(i);
    if (is_labelled(dataset, i)) labelled.push_back(i);
  }
  return labelled.empty() ? all : labelled;
}

std::size_t num_wanted(const Dataset& dataset, std::size_t total, int wanted) {
  if (wanted > 0) return static_cast<std::size_t>(wanted);
  if (dataset.calibration_fraction > 0)
    return static_cast<std::size_t>(std::ceil(dataset.calibration_fraction * static_cast<double>(total)));
  return total < kTooFewToSplit ? total : std::min(std::max(kTooFewToSplit, total / 2), kMaxItems);
}

template <typename Get>
auto median_of(const std::vector<ImageHeader>& headers, Get get) {
  std::vector<decltype(get(headers.front()))> values;
  values.reserve(headers.size());
  for (const ImageHeader& header : headers) values.push_back(get(header));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// Of the typical picture; none unless most pictures have one of their aspect ratio.
ImageHeader::Thumbnail typical_thumbnail(const std::vector<ImageHeader>& headers, const ImageHeader& typical) {
  std::vector<ImageHeader> carriers;
  std::copy_if(headers.begin(), headers.end(), std::back_inserter(carriers), has_whole_thumbnail);
  if (2 * carriers.size() <= headers.size()) return {};
  const double scale =
      median_of(carriers, [](const ImageHeader& h) { return static_cast<double>(h.thumbnail.width) / h.width; });
  const auto scaled = [scale](int side) { return static_cast<int>(std::lround(side * scale)); };
  return {scaled(typical.width), scaled(typical.height),
          median_of(carriers, [](const ImageHeader& h) { return h.thumbnail.compressed_bytes; })};
}

}  // namespace

Calibration choose_calibration(const Dataset& dataset, int wanted) {
  Calibration calibration;
  const std::vector<std::size_t> usable = usable_items(dataset);
  const char* noun = has_labels(dataset) ? "labelled items" : "items";
  std::unordered_set<std::size_t> chosen;
  if (!dataset.calibration.empty() && wanted == 0) {
    const std::unordered_set<std::string> listed(dataset.calibration.begin(), dataset.calibration.end());
    for (std::size_t i = 0; i < dataset.item_ids.size(); ++i) {
      if (listed.contains(dataset.item_ids[i])) chosen.insert(i);
    }
    calibration.description =
        fmt::format("{} of {} items, listed in the dataset file", chosen.size(), dataset.item_ids.size());
  } else {
    for (const std::size_t place : evenly_spaced(usable.size(), num_wanted(dataset, usable.size(), wanted)))
      chosen.insert(usable[place]);
    calibration.description = fmt::format("{} of {} {}, evenly spaced", chosen.size(), usable.size(), noun);
  }
  calibration.items.assign(chosen.begin(), chosen.end());
  std::sort(calibration.items.begin(), calibration.items.end());
  std::vector<std::size_t> others;
  for (const std::size_t index : usable) {
    if (!chosen.contains(index)) others.push_back(index);
  }
  if (others.empty()) return calibration;
  for (const std::size_t place : evenly_spaced(others.size(), std::min(others.size(), kMaxItems)))
    calibration.held_out.push_back(others[place]);
  calibration.held_out_description = fmt::format("{} of the {} other {}", calibration.held_out.size(), others.size(), noun);
  return calibration;
}

std::vector<Item> items_of(const Dataset& dataset, const Dataset::Rendition& rendition,
                           const std::vector<std::size_t>& indices) {
  Dataset sample;  // the dataset may have millions of items
  sample.path = dataset.path;
  sample.renditions = dataset.renditions;
  for (const std::size_t index : indices) {
    sample.item_ids.push_back(dataset.item_ids[index]);
    if (!dataset.regions.empty()) sample.regions.push_back(dataset.regions[index]);
  }
  const std::unique_ptr<Source> source = sample.open(rendition.name);
  std::vector<Item> items;
  for (auto item = source->next(); item.ok() && *item; item = source->next()) items.push_back(**item);
  return items;
}

std::vector<Item> rate_items(const Dataset& dataset, const Dataset::Rendition& rendition, const Calibration& calibration) {
  if (rendition.videos.empty()) return calibration_items(dataset, rendition, calibration);
  std::vector<std::vector<Item>> units;
  const std::unique_ptr<Source> source = dataset.open(rendition.name);
  for (std::vector<Item> unit; source->next_unit(unit).ok() && !unit.empty();) {
    if (unit.size() > kMaxItems) unit.resize(kMaxItems);
    units.push_back(std::move(unit));
  }
  std::vector<Item> items;
  if (units.empty()) return items;
  const std::size_t typical = std::max<std::size_t>(1, units[units.size() / 2].size());
  for (const std::size_t unit : evenly_spaced(units.size(), std::max<std::size_t>(2, kMaxItems / typical)))
    items.insert(items.end(), units[unit].begin(), units[unit].end());
  return items;
}

Result<RenditionFacts> survey(const Runtime& runtime, const std::vector<Item>& items, const std::string& rendition) {
  std::map<std::string, std::vector<ImageHeader>> by_codec;
  std::map<std::string, CodecCapabilities> capabilities;
  std::vector<std::uint8_t> file;
  Error last{ErrorCode::kNotFound, "the calibration sample is empty"};
  const std::vector<std::size_t> probed =
      items.empty() ? std::vector<std::size_t>{} : evenly_spaced(items.size(), kMaxProbed);
  for (const std::size_t i : probed) {
    if (items[i].error) {
      last = *items[i].error;
      continue;
    }
    if (items[i].picture) continue;  // nothing to decode
    if (items[i].video) {
      const VideoInfo& info = items[i].video->info;
      by_codec[info.codec].push_back(frame_header(*items[i].video));
      capabilities.try_emplace(info.codec, capabilities_of(info));
      continue;
    }
    if (!items[i].bytes) {
      if (Status got = read_item(items[i], file); !got.ok()) {
        last = std::move(got).error();
        continue;
      }
    }
    const ByteView bytes = items[i].bytes ? *items[i].bytes : file;
    const Codec* codec = runtime.codecs.sniff(bytes);
    if (codec == nullptr) {
      last = runtime.codecs.unrecognised(bytes);
      continue;
    }
    Result<ImageHeader> header = codec->create_decoder()->probe(bytes);
    if (header.ok()) {
      by_codec[std::string(codec->name())].push_back(*header);
      capabilities.try_emplace(std::string(codec->name()), codec->capabilities());
    } else {
      last = std::move(header).error();
    }
  }
  if (by_codec.empty()) {
    return Error{last.code, fmt::format("no calibration item of rendition '{}' can be read; the last one: {}", rendition,
                                        last.message)};
  }
  const auto most = std::max_element(by_codec.begin(), by_codec.end(),
                                     [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  const std::vector<ImageHeader>& headers = most->second;
  RenditionFacts facts;
  facts.codec_name = most->first;
  facts.codec = capabilities.at(most->first);
  facts.num_probed = static_cast<std::int64_t>(headers.size());
  facts.typical = headers.front();
  facts.typical.width = median_of(headers, [](const ImageHeader& h) { return h.width; });
  facts.typical.height = median_of(headers, [](const ImageHeader& h) { return h.height; });
  facts.typical.compressed_bytes = median_of(headers, [](const ImageHeader& h) { return h.compressed_bytes; });
  facts.typical.channels = median_of(headers, [](const ImageHeader& h) { return h.channels; });
  facts.typical.progressive = median_of(headers, [](const ImageHeader& h) { return h.progressive ? 1 : 0; }) == 1;
  facts.typical.chroma_horizontal = median_of(headers, [](const ImageHeader& h) { return h.chroma_horizontal; });
  facts.typical.chroma_vertical = median_of(headers, [](const ImageHeader& h) { return h.chroma_vertical; });
  facts.typical.orientation = Orientation::kNormal;
  facts.typical.thumbnail = typical_thumbnail(headers, facts.typical);
  return facts;
}

}  // namespace smol
