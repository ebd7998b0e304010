#include <fmt/format.h>

#include <algorithm>

#include "engine/worker.h"

namespace smol {
namespace {

using Clock = std::chrono::steady_clock;

VideoFidelity fidelity_of(const Plan& plan) {
  return {plan.pipeline.decode.deblocking, plan.pipeline.decode.scale_denominator};
}

// What a decoder keeps: the frames that others are predicted from (16 in H.264 and HEVC), those that wait for their turn,
// and one a thread.
std::int64_t decoder_bytes(const VideoInfo& info, int threads) {
  constexpr std::int64_t kKeptFrames = 18;
  const double chroma = info.chroma_horizontal == 0 ? 0 : 2.0 / (info.chroma_horizontal * info.chroma_vertical);
  const double frame_bytes = static_cast<double>(info.width) * info.height * (1 + chroma) * (info.bits > 8 ? 2 : 1);
  return static_cast<std::int64_t>(frame_bytes) * (kKeptFrames + threads);
}

}  // namespace

/// Takes the frames of a unit as they are decoded, and tells how long each took.
class Worker::FrameFeed final : public FrameConsumer {
 public:
  FrameFeed(Worker& worker, std::span<const std::size_t> items) : worker_(worker), items_(items) {}

  bool frame(std::int64_t /*number*/, const Result<FramePlanes>& planes) override {
    const float frame_us = std::chrono::duration<float, std::micro>(Clock::now() - start_).count();
    worker_.process_frame(items_[num_delivered_++], planes, frame_us);
    start_ = Clock::now();
    return !worker_.run_.stop.stop_requested();
  }
  [[nodiscard]] std::span<const std::size_t> undelivered() const { return items_.subspan(num_delivered_); }

 private:
  Worker& worker_;
  std::span<const std::size_t> items_;  // in the order of their frames
  std::size_t num_delivered_ = 0;
  Clock::time_point start_ = Clock::now();
};

void Worker::process_frames() {
  const std::size_t num_items = unit_.items.size();
  frames_.fingerprints.resize(num_items);
  frames_.failed.assign(num_items, false);
  frames_.counted.assign(num_items, false);
  takes_part_.assign(run_.plans.size(), true);
  std::vector<std::vector<bool>> wanted_by(num_items);  // by plan; empty: its rows are there
  std::vector<VideoFidelity> fidelities;
  for (std::size_t i = 0; i < num_items; ++i) {
    const Item& item = unit_.items[i];
    frames_.fingerprints[i] = fingerprint_of(item);
    const ItemContext context{item, unit_.tickets[i], frames_.fingerprints[i], 0, 0, 0, {}};
    answered_.assign(std::max<std::size_t>(1, item.regions.size()) * run_.plans.size(), false);
    const bool any = find_wanted(context);
    frames_.failed[i] = item_failed_;
    if (!any) {
      frames_.counted[i] = true;
      run_.skipped.fetch_add(1, std::memory_order_relaxed);
      if (item_failed_) run_.earlier_failed_items.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    wanted_by[i].resize(run_.plans.size());
    for (std::size_t plan = 0; plan < run_.plans.size(); ++plan) {
      for (std::size_t region = 0; region < std::max<std::size_t>(1, item.regions.size()); ++region)
        wanted_by[i][plan] = wanted_by[i][plan] || wanted(context, region, static_cast<int>(plan));
      const VideoFidelity fidelity = fidelity_of(run_.plans[plan]->plan);
      if (wanted_by[i][plan] && std::find(fidelities.begin(), fidelities.end(), fidelity) == fidelities.end())
        fidelities.push_back(fidelity);
    }
  }
  for (const VideoFidelity& fidelity : fidelities) {
    for (std::size_t plan = 0; plan < run_.plans.size(); ++plan)
      takes_part_[plan] = fidelity_of(run_.plans[plan]->plan) == fidelity;
    std::vector<std::size_t> items;
    for (std::size_t i = 0; i < num_items; ++i) {
      bool any = false;
      for (std::size_t plan = 0; plan < wanted_by[i].size(); ++plan) any |= wanted_by[i][plan] && takes_part_[plan];
      if (any) items.push_back(i);
    }
    FrameFeed feed(*this, items);
    Status read = read_frames(fidelity, items, feed);
    release_memory();
    if (run_.stop.stop_requested()) return;
    if (read.ok()) continue;
    // What the reader could not go on from is true of all the rest.
    for (const std::size_t i : feed.undelivered()) process_frame(i, read.error(), 0);
  }
  for (std::size_t i = 0; i < num_items; ++i) count_frame(i);
}

Status Worker::read_frames(const VideoFidelity& fidelity, std::span<const std::size_t> items, FrameFeed& feed) {
  const Item& first = unit_.items[items.front()];
  VideoReadOptions options;
  options.fidelity = fidelity;
  options.threads = decoder_threads(*first.video);
  options.fail_on = run_.options.fail_on;
  options.limits = run_.options.limits;
  options.stop = run_.stop.get_token();
  std::int64_t needed = decoder_bytes(first.video->info, options.threads);
  if (collects_whole_) needed += 6 * std::int64_t{first.video->info.width} * first.video->info.height;
  SMOL_RETURN_IF_ERROR(memory_.hold(needed, options.stop));
  SMOL_ASSIGN_OR_RETURN(VideoReader * reader, reader_of(first.path));
  std::vector<std::int64_t> numbers;
  numbers.reserve(items.size());
  for (const std::size_t i : items) numbers.push_back(unit_.items[i].frame);
  try {
    return reader->read(*first.video, numbers, options, feed);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory, "not enough memory for this video", Stage::kDecode};
  }
}

Result<VideoReader*> Worker::reader_of(const std::string& path) {
  if (video_.path != path || !video_.reader) {
    SMOL_ASSIGN_OR_RETURN(const VideoLibrary* library, video_library());
    video_ = {};
    SMOL_ASSIGN_OR_RETURN(video_.reader, library->open(path));
    video_.path = path;
  }
  return video_.reader.get();
}

// Groups are decoded in parallel, one by each worker: that costs least. Where a video has fewer groups than there are
// workers, its decoder works on several frames at once.
int Worker::decoder_threads(const VideoIndex& video) const {
  int workers = 1;
  for (const CompiledPlan::State* plan : run_.plans) workers = std::max(workers, plan->host_workers);
  const int groups = video.seekable ? static_cast<int>(std::min<std::size_t>(video.groups.size(), 1024)) : 1;
  return std::max(1, workers / groups);
}

void Worker::process_frame(std::size_t i, const Result<FramePlanes>& planes, float frame_us) {
  const Item& item = unit_.items[i];
  ItemContext context{item, unit_.tickets[i], frames_.fingerprints[i], 0, 0, frame_us, item.full_size};
  answered_.assign(std::max<std::size_t>(1, item.regions.size()) * run_.plans.size(), false);
  item_failed_ = frames_.failed[i];
  if (!planes.ok()) {
    Error error = planes.error();
    if (error.stage == Stage::kNone) error.stage = Stage::kDecode;
    fail_item(context, error);
  } else {
    try {
      if (!frame_decoder_) frame_decoder_ = create_frame_decoder();
      frame_decoder_->show(*planes, item.video->info.orientation);
      const Result<ImageHeader> header = frame_decoder_->probe({});
      list_jobs(context, *header);
      for (std::span<DecodeJob> jobs = jobs_; !jobs.empty(); context.frame_us = 0)
        process_group(context, take_group(jobs), {{}, *header, *frame_decoder_});
    } catch (const std::bad_alloc&) {
      fail_item(context, Error{ErrorCode::kOutOfMemory, "not enough memory for this frame", Stage::kDecode});
    }
  }
  frames_.failed[i] = item_failed_;
  const bool last_fidelity = std::all_of(takes_part_.begin(), takes_part_.end(), [](bool takes) { return takes; });
  if (last_fidelity && !run_.stop.stop_requested()) count_frame(i);
}

void Worker::count_frame(std::size_t i) {
  if (frames_.counted[i]) return;
  frames_.counted[i] = true;
  run_.items.fetch_add(1, std::memory_order_relaxed);
  if (frames_.failed[i]) run_.failed_items.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace smol
