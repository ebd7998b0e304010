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

constexpr int kDefaultItems = 64;
constexpr std::size_t kMaxProbed = 64;

std::vector<std::size_t> evenly_spaced(std::size_t total, std::size_t wanted) {
  wanted = std::clamp<std::size_t>(wanted, 1, total);
  std::vector<std::size_t> chosen;
  chosen.reserve(wanted);
  for (std::size_t i = 0; i < wanted; ++i) chosen.push_back((2 * i + 1) * total / (2 * wanted));
  return chosen;
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
  const std::size_t total = dataset.item_ids.size();
  if (!dataset.calibration.empty() && wanted == 0) {
    const std::unordered_set<std::string> listed(dataset.calibration.begin(), dataset.calibration.end());
    for (std::size_t i = 0; i < total; ++i) {
      if (listed.contains(dataset.item_ids[i])) calibration.items.push_back(i);
    }
    calibration.description = fmt::format("{} of {} items, listed in the dataset file", calibration.items.size(), total);
    return calibration;
  }
  auto count = static_cast<std::size_t>(wanted > 0 ? wanted : kDefaultItems);
  if (wanted == 0 && dataset.calibration_fraction > 0) {
    count = static_cast<std::size_t>(std::ceil(dataset.calibration_fraction * static_cast<double>(total)));
  }
  calibration.items = evenly_spaced(total, count);
  calibration.description = fmt::format("{} of {} items, evenly spaced", calibration.items.size(), total);
  return calibration;
}

std::vector<Item> calibration_items(const Dataset& dataset, const Dataset::Rendition& rendition,
                                    const Calibration& calibration) {
  Dataset sample = dataset;
  sample.item_ids.clear();
  sample.regions.clear();
  for (std::size_t index : calibration.items) {
    sample.item_ids.push_back(dataset.item_ids[index]);
    if (!dataset.regions.empty()) sample.regions.push_back(dataset.regions[index]);
  }
  const std::unique_ptr<Source> source = sample.open(rendition.name);
  std::vector<Item> items;
  for (auto item = source->next(); item.ok() && *item; item = source->next()) items.push_back(**item);
  return items;
}

Result<RenditionFacts> survey(const Runtime& runtime, const std::vector<Item>& items, const std::string& rendition) {
  std::map<const Codec*, std::vector<ImageHeader>> by_codec;
  std::vector<std::uint8_t> file;
  Error last{ErrorCode::kNotFound, "the calibration sample is empty"};
  for (std::size_t i = 0; i < std::min(items.size(), kMaxProbed); ++i) {
    if (items[i].error) {
      last = *items[i].error;
      continue;
    }
    if (items[i].picture) continue;  // nothing to decode
    if (!items[i].bytes) {
      if (Status got = read_file(items[i].path, file); !got.ok()) {
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
      by_codec[codec].push_back(*header);
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
  facts.codec = most->first;
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
