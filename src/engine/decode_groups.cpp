#include "engine/decode_groups.h"

#include <algorithm>

#include "engine/frame_size.h"
#include "preprocess/decode_request.h"

namespace smol {
namespace {

/// What the plans of one region ask for together.
DecodeNeed united_need(std::span<const DecodeJob> jobs) {
  DecodeNeed all = jobs.front().need;
  for (const DecodeJob& job : jobs) {
    all.pixels = all.pixels && job.need.pixels ? std::optional<Rect>(united(*all.pixels, *job.need.pixels)) : std::nullopt;
  }
  return all;
}

/// Jobs of the regions of one item for all plans; regions that miss the picture have none.
std::vector<DecodeJob> list_jobs(const Item& item, std::optional<Size> full_size, const ImageHeader& header,
                                 std::span<const std::unique_ptr<Preprocessor>> preprocessors) {
  std::vector<DecodeJob> jobs;
  PreprocessOptions options;
  options.full_size = full_size;
  for (std::size_t region = 0; region < item.regions.size(); ++region) {
    options.roi = item.regions[region].rect;
    for (std::size_t plan = 0; plan < preprocessors.size(); ++plan) {
      if (const Result<DecodeNeed> need = preprocessors[plan]->need(header, options); need.ok())
        jobs.push_back({region, static_cast<int>(plan), *need});
    }
  }
  return jobs;
}

}  // namespace

std::span<DecodeJob> take_group(std::span<DecodeJob>& jobs) {
  const DecodeStep step = jobs.front().need.decode;
  const auto agrees = [&step](const DecodeJob& job) { return job.need.decode == step; };
  auto end = std::find_if_not(jobs.begin(), jobs.end(), agrees);
  if (end != jobs.end()) end = std::stable_partition(end, jobs.end(), agrees);
  const std::span<DecodeJob> group = jobs.first(static_cast<std::size_t>(end - jobs.begin()));
  jobs = jobs.subspan(group.size());
  return group;
}

std::span<DecodeJob> take_region(std::span<DecodeJob>& group) {
  const auto end =
      std::find_if(group.begin(), group.end(), [&](const DecodeJob& job) { return job.region != group.front().region; });
  const std::span<DecodeJob> region = group.first(static_cast<std::size_t>(end - group.begin()));
  group = group.subspan(region.size());
  return region;
}

RegionSharing choose_sharing(const ImageHeader& header, std::span<DecodeJob> group) {
  std::vector<DecodeNeed> needs;
  while (!group.empty()) needs.push_back(united_need(take_region(group)));
  return choose_region_sharing(header, needs);
}

namespace {

Result<ImageHeader> probe(const Runtime& runtime, const Item& item, std::vector<std::uint8_t>& file) {
  if (item.video) return frame_header(*item.video);
  if (!item.bytes) SMOL_RETURN_IF_ERROR(read_item(item, file));
  const ByteView bytes = item.bytes ? *item.bytes : file;
  const Codec* codec = runtime.codecs.sniff(bytes);
  if (codec == nullptr) return runtime.codecs.unrecognised(bytes);
  return codec->create_decoder()->probe(bytes);
}

}  // namespace

Result<RegionSurvey> survey_regions(const Runtime& runtime, std::span<const Plan> plans, std::span<const Item> items) {
  std::vector<std::unique_ptr<Preprocessor>> preprocessors;
  for (const Plan& plan : plans) {
    SMOL_ASSIGN_OR_RETURN(preprocessors.emplace_back(), create_preprocessor(plan.pipeline));
  }
  RegionSurvey survey;
  std::vector<std::uint8_t> file;
  const std::unique_ptr<Source> files = from_items({});
  for (const Item& item : items) {
    if (item.error || item.picture || item.regions.size() < 2) continue;
    const Result<ImageHeader> header = probe(runtime, item, file);
    if (!header.ok()) continue;
    std::optional<Size> full_size = item.full_size;
    if (needs_frame_size(item)) {
      const Result<Size> frame = read_frame_size(runtime.codecs, *files, item, file);
      if (!frame.ok()) continue;
      full_size = *frame;
    }
    std::vector<DecodeJob> all = list_jobs(item, full_size, *header, preprocessors);
    for (std::span<DecodeJob> jobs = all; !jobs.empty();) {
      const std::span<DecodeJob> group = take_group(jobs);
      if (group.front().region == group.back().region) continue;
      const RegionSharing sharing = choose_sharing(*header, group);
      ++(sharing.shared ? survey.shared : survey.separate);
      survey.cost += sharing.shared ? sharing.shared_cost : sharing.separate_cost;
      survey.separate_cost += sharing.separate_cost;
    }
  }
  return survey;
}

}  // namespace smol
