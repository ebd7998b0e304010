#include "engine/worker.h"

#include <algorithm>
#include <new>

#include "engine/frame_size.h"

namespace smol {
namespace {

using Clock = std::chrono::steady_clock;

float microseconds_since(Clock::time_point start) {
  return std::chrono::duration<float, std::micro>(Clock::now() - start).count();
}

std::size_t num_regions(const Item& item) { return std::max<std::size_t>(1, item.regions.size()); }

std::string_view region_name(const Item& item, std::size_t region) {
  return item.regions.empty() ? std::string_view{} : std::string_view(item.regions[region].name);
}

float& stage_of(Row& row, Stage stage) { return row.stage_us[static_cast<std::size_t>(stage)]; }

std::int64_t part_bytes(const ImageHeader& header, const DecodeNeed& need) {
  const std::int64_t scale = need.decode.scale_denominator;
  const std::int64_t whole = header.width / scale * (header.height / scale);
  const bool cut = need.decode.region && need.pixels;
  const int planes = need.decode.format == PixelFormat::kYcc8Planar ? 3 : 1;
  return (cut ? std::int64_t{need.pixels->width} * need.pixels->height : whole) * bytes_per_pixel(need.decode.format) *
         planes;
}

Error with_stage(Error error, Stage stage) {
  if (error.stage == Stage::kNone) error.stage = stage;
  return error;
}

}  // namespace

Worker::Worker(RunState& run) : run_(run), memory_(*run.memory) {}

Status Worker::prepare() {
  preprocessors_.clear();
  for (const CompiledPlan::State* plan : run_.plans) {
    collects_whole_ |= std::holds_alternative<SingleStep>(plan->plan.pipeline.host_steps.front());
    SMOL_ASSIGN_OR_RETURN(preprocessors_.emplace_back(), create_preprocessor(plan->plan.pipeline));
  }
  return {};
}

void Worker::work() {
  while (!run_.stop.stop_requested()) {
    ReadAhead::Entry entry;
    if (!take(entry)) return;
    if (!run_.options.ablation.buffer_reuse) {
      decoders_.clear();
      video_ = {};
      file_ = {};
      part_ = {};
      if (Status made = prepare(); !made.ok()) return run_.fail(std::move(made).error());
    }
    Item& first = unit_.items.front();
    if (first.video && !first.error) {
      process_frames();
      continue;
    }
    if (run_.read_ahead != nullptr && must_be_read(first)) {
      file_ = std::move(entry.bytes);
      if (!entry.status.ok()) first.error = std::move(entry.status).error();
    }
    for (std::size_t i = 0; i < unit_.items.size(); ++i) process(unit_.items[i], unit_.tickets[i], entry.read_us);
  }
}

// Fills unit_ and, if it was read ahead, `entry`. False when there is nothing more to do.
bool Worker::take(ReadAhead::Entry& entry) {
  if (run_.read_ahead != nullptr) {
    std::optional<ReadAhead::Entry> next = run_.read_ahead->next();
    if (!next) return false;
    entry = *std::move(next);
    unit_ = std::move(entry.unit);
    return true;
  }
  if (Status taken = run_.next_unit(unit_); !taken.ok()) return run_.fail(std::move(taken).error()), false;
  return !unit_.items.empty();
}

bool Worker::find_wanted(const ItemContext& context) {
  bool any_wanted = false;
  item_failed_ = false;
  for (std::size_t region = 0; region < num_regions(context.item); ++region) {
    for (int plan = 0; plan < static_cast<int>(run_.plans.size()); ++plan) {
      if (wanted(context, region, plan)) {
        any_wanted = true;
        continue;
      }
      if (run_.options.ordered) run_.events.push(Event{.skipped_ticket = ticket_of(context, region, plan)});
      const auto code = run_.sink.failure(context.item.id, region_name(context.item, region),
                                          region_fingerprint(context.fingerprint, context.item, region), plan);
      if (!code) continue;
      item_failed_ = true;
      run_.earlier_errors[static_cast<std::size_t>(*code)].fetch_add(1, std::memory_order_relaxed);
    }
  }
  return any_wanted;
}

void Worker::process(const Item& item, std::int64_t ticket, float read_us) {
  ItemContext context{item, ticket, {}, 0, read_us, 0, {}};
  takes_part_.assign(run_.plans.size(), true);
  answered_.assign(num_regions(item) * run_.plans.size(), false);
  context.fingerprint = fingerprint_of(item, &context.file_bytes);
  if (!find_wanted(context)) {
    run_.skipped.fetch_add(1, std::memory_order_relaxed);
    if (item_failed_) run_.earlier_failed_items.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  try {
    ByteView bytes;
    Status got = find_frame(context);
    if (got.ok()) got = read(context, bytes);
    if (!got.ok()) {
      fail_item(context, with_stage(std::move(got).error(), Stage::kRead));
    } else if (item.picture) {
      process_picture(context, item.picture->view());
    } else {
      process_bytes(context, bytes);
    }
  } catch (const std::bad_alloc&) {
    fail_item(context, Error{ErrorCode::kOutOfMemory, "not enough memory for this item", Stage::kDecode});
  }
  release_memory();
  if (run_.stop.stop_requested()) return;
  run_.items.fetch_add(1, std::memory_order_relaxed);
  if (item_failed_) run_.failed_items.fetch_add(1, std::memory_order_relaxed);
}

Status Worker::find_frame(ItemContext& context) {
  context.full_size = context.item.full_size;
  if (!needs_frame_size(context.item)) return {};
  std::int64_t frame_bytes = 0;
  static_cast<void>(fingerprint_of(frame_of(context.item), &frame_bytes));
  if (frame_bytes > 0) SMOL_RETURN_IF_ERROR(memory_.hold(frame_bytes, run_.stop.get_token()));
  SMOL_ASSIGN_OR_RETURN(context.full_size, read_frame_size(run_.runtime.codecs, run_.source, context.item, frame_));
  return {};
}

Status Worker::read(ItemContext& context, ByteView& bytes) {
  const Item& item = context.item;
  if (item.error) return *item.error;
  if (item.picture) return {};
  if (item.bytes) {
    bytes = *item.bytes;
    return {};
  }
  if (run_.read_ahead == nullptr) {
    if (context.file_bytes > 0) SMOL_RETURN_IF_ERROR(memory_.hold(context.file_bytes, run_.stop.get_token()));
    SMOL_RETURN_IF_ERROR(read_whole(run_.source, item, file_, context.read_us));
  }
  bytes = file_;
  return {};
}

Status Worker::hold_for_decoding(const Item& item, const ImageHeader& header, const Codec& codec, ByteView& bytes) {
  const std::int64_t file_bytes = item.bytes ? 0 : static_cast<std::int64_t>(bytes.size());
  const std::int64_t needed = file_bytes + decoding_bytes(header, codec.capabilities(), collects_whole_);
  if (memory_.try_hold(needed)) return {};
  if (!item.bytes) file_ = {};
  SMOL_RETURN_IF_ERROR(memory_.hold(needed, run_.stop.get_token()));
  if (item.bytes) return {};
  float again_us = 0;
  SMOL_RETURN_IF_ERROR(read_whole(run_.source, item, file_, again_us));
  bytes = file_;
  return {};
}

void Worker::release_memory() {
  if (memory_.exceeds_share()) {
    file_ = {};
    frame_ = {};
    part_ = {};
    decoders_.clear();
    video_ = {};
  }
  memory_.release();
}

void Worker::process_bytes(ItemContext& context, ByteView bytes) {
  if (bytes.empty()) return fail_item(context, Error{ErrorCode::kTruncated, "the file is empty", Stage::kRead});
  const Codec* codec = run_.runtime.codecs.sniff(bytes);
  if (codec == nullptr) return fail_item(context, with_stage(run_.runtime.codecs.unrecognised(bytes), Stage::kDecode));
  Decoder& decoder = decoder_for(*codec);
  Result<ImageHeader> header = decoder.probe(bytes);
  if (!header.ok()) return fail_item(context, with_stage(std::move(header).error(), Stage::kDecode));
  if (Status held = hold_for_decoding(context.item, *header, *codec, bytes); !held.ok())
    return fail_item(context, with_stage(std::move(held).error(), Stage::kDecode));
  list_jobs(context, *header);
  for (std::span<DecodeJob> jobs = jobs_; !jobs.empty();) {
    process_group(context, take_group(jobs), {bytes, *header, decoder});
  }
}

void Worker::list_jobs(const ItemContext& context, const ImageHeader& header) {
  jobs_.clear();
  const bool alone = num_regions(context.item) * preprocessors_.size() == 1;
  for (std::size_t region = 0; region < num_regions(context.item); ++region) {
    for (std::size_t plan = 0; plan < preprocessors_.size(); ++plan) {
      DecodeJob job{region, static_cast<int>(plan), {}};
      if (!wanted(context, region, job.plan)) continue;
      if (!alone) {  // there is nothing to share a decoding with
        Result<DecodeNeed> need = preprocessors_[plan]->need(header, options_for(context, region));
        if (!need.ok()) {
          fail_row(context, region, job.plan, with_stage(std::move(need).error(), Stage::kPreprocess));
          continue;
        }
        job.need = *std::move(need);
      }
      jobs_.push_back(job);
    }
  }
}

void Worker::process_group(const ItemContext& context, std::span<DecodeJob> group, const EncodedPicture& picture) {
  if (group.front().region != group.back().region) {
    const RegionSharing sharing = choose_sharing(picture.header, group);
    const bool has_room = sharing.shared && memory_.try_hold(memory_.bytes() + part_bytes(picture.header, sharing.together));
    if (has_room && decode_once(context, group, sharing.together, picture)) return;
  }
  while (!group.empty()) decode_region(context, take_region(group), picture);
}

bool Worker::decode_once(const ItemContext& context, std::span<const DecodeJob> group, const DecodeNeed& need,
                         const EncodedPicture& picture) {
  const Clock::time_point start = Clock::now();
  run_.decodes.fetch_add(1, std::memory_order_relaxed);
  const Result<DecodeReport> report =
      decode_part(picture.decoder, picture.bytes, picture.header, need, options_for(context, 0), part_);
  if (!report.ok() || report->truncated || report->recovered) return run_.stop.stop_requested();
  const float decode_us = (context.frame_us + microseconds_since(start)) / static_cast<float>(group.size());
  for (const DecodeJob& job : group) {
    const auto write = [&](const TensorSlot& slot) {
      return preprocessors_[job.plan]->run(part_, options_for(context, job.region), slot);
    };
    if (!fill_slot(context, job.region, job.plan, decode_us, write)) break;
  }
  return true;
}

PreprocessOptions Worker::options_for(const ItemContext& context, std::size_t region) const {
  PreprocessOptions options;
  options.fail_on = run_.options.fail_on;
  options.background = run_.options.background;
  options.limits = run_.options.limits;
  options.stop = run_.stop.get_token();
  if (!context.item.regions.empty()) options.roi = context.item.regions[region].rect;
  options.full_size = context.full_size;
  return options;
}

template <typename Write>
bool Worker::fill_slot(const ItemContext& context, std::size_t region, int plan, float decode_us, Write write) {
  BatchAssembler& assembler = *run_.assemblers[plan];
  Result<SlotLease> lease = assembler.lease(run_.stop.get_token());
  if (!lease.ok()) return false;
  SlotGuard slot(assembler, *lease);
  const Clock::time_point start = Clock::now();
  if (Status done = write(lease->tensor); !done.ok()) {
    slot.abandon();
    fail_row(context, region, plan, with_stage(std::move(done).error(), Stage::kPreprocess));
    return true;
  }
  Row row = make_row(context, region, plan);
  stage_of(row, Stage::kDecode) = decode_us;
  stage_of(row, Stage::kPreprocess) = microseconds_since(start);
  commit(region, plan, slot, std::move(row));
  return true;
}

void Worker::process_picture(const ItemContext& context, const ImageView& picture) {
  for (std::size_t region = 0; region < num_regions(context.item); ++region) {
    for (std::size_t plan = 0; plan < preprocessors_.size(); ++plan) {
      if (!wanted(context, region, static_cast<int>(plan))) continue;
      const auto write = [&](const TensorSlot& slot) {
        return preprocessors_[plan]->run(picture, Orientation::kNormal, options_for(context, region), slot);
      };
      if (!fill_slot(context, region, static_cast<int>(plan), 0, write)) return;
    }
  }
}

void Worker::lease_places(std::span<const DecodeJob> jobs) {
  filling_.guards.clear();
  filling_.slots.clear();
  filling_.preprocessors.clear();
  for (const DecodeJob& job : jobs) {
    Result<SlotLease> lease = run_.assemblers[job.plan]->lease(run_.stop.get_token());
    if (!lease.ok()) return;
    filling_.guards.emplace_back(*run_.assemblers[job.plan], *lease);
    filling_.slots.push_back(lease->tensor);
    filling_.preprocessors.push_back(preprocessors_[job.plan].get());
  }
}

// Rows are resized while they are decoded, for all plans at once.
void Worker::decode_region(const ItemContext& context, std::span<const DecodeJob> jobs, const EncodedPicture& picture) {
  // Whatever is thrown on the way, no place is left leased.
  const struct Emptied {
    std::vector<SlotGuard>& guards;
    ~Emptied() { guards.clear(); }
  } emptied{filling_.guards};
  lease_places(jobs);
  auto& [guards, preprocessors, slots] = filling_;
  Result<DecodeReport> report = Error{ErrorCode::kCancelled, "stopped"};
  if (!run_.stop.stop_requested() && !guards.empty()) {
    run_.decodes.fetch_add(1, std::memory_order_relaxed);
    report = run_many(picture.decoder, picture.bytes, picture.header, options_for(context, jobs.front().region),
                      preprocessors, slots);
    count_thumbnail(jobs, report);
  }
  for (std::size_t i = 0; i < guards.size(); ++i) {
    const auto& [region, plan, need] = jobs[i];
    if (!report.ok()) {
      guards[i].abandon();
      fail_row(context, region, plan, with_stage(report.error(), Stage::kDecode));
      continue;
    }
    Row row = make_row(context, region, plan);
    row.truncated = report->truncated;
    row.recovered = report->recovered;
    const PreprocessTiming timing = preprocessors[i]->last_timing();
    stage_of(row, Stage::kDecode) = i == 0 ? context.frame_us + static_cast<float>(timing.decode_us) : 0.0F;
    stage_of(row, Stage::kPreprocess) = static_cast<float>(timing.preprocess_us);
    commit(region, plan, guards[i], std::move(row));
  }
}

void Worker::count_thumbnail(std::span<const DecodeJob> jobs, const Result<DecodeReport>& report) {
  const bool wanted = std::any_of(jobs.begin(), jobs.end(), [this](const DecodeJob& job) {
    return run_.plans[job.plan]->plan.pipeline.decode.thumbnail;
  });
  if (!wanted || !report.ok()) return;
  (report->thumbnail ? run_.thumbnails : run_.thumbnail_fallbacks).fetch_add(1, std::memory_order_relaxed);
}

std::int64_t Worker::ticket_of(const ItemContext& context, std::size_t region, int plan) const {
  return context.ticket + static_cast<std::int64_t>(region * run_.plans.size()) + plan;
}

Row Worker::make_row(const ItemContext& context, std::size_t region, int plan) const {
  Row row;
  row.ticket = ticket_of(context, region, plan);
  row.item = context.item.id;
  if (!context.item.regions.empty()) row.region = context.item.regions[region].name;
  row.fingerprint = region_fingerprint(context.fingerprint, context.item, region);
  row.plan = plan;
  stage_of(row, Stage::kRead) = region == 0 && plan == 0 ? context.read_us : 0.0F;
  return row;
}

void Worker::fail_row(const ItemContext& context, std::size_t region, int plan, const Error& error) {
  // An item interrupted by a stop has no row, so that a resumed run does it again.
  if (error.code == ErrorCode::kCancelled || run_.stop.stop_requested()) return;
  item_failed_ = true;
  Row row = make_row(context, region, plan);
  row.error = error;
  answered_[region * run_.plans.size() + static_cast<std::size_t>(plan)] = true;
  run_.events.push(Event{.row = std::move(row)});
}

void Worker::commit(std::size_t region, int plan, SlotGuard& slot, Row row) {
  answered_[region * run_.plans.size() + static_cast<std::size_t>(plan)] = true;
  slot.commit(std::move(row));
}

void Worker::fail_item(const ItemContext& context, const Error& error) {
  for (std::size_t region = 0; region < num_regions(context.item); ++region) {
    for (std::size_t plan = 0; plan < run_.plans.size(); ++plan) {
      if (wanted(context, region, static_cast<int>(plan))) fail_row(context, region, static_cast<int>(plan), error);
    }
  }
}

bool Worker::wanted(const ItemContext& context, std::size_t region, int plan) const {
  if (!takes_part_[static_cast<std::size_t>(plan)]) return false;
  if (answered_[region * run_.plans.size() + static_cast<std::size_t>(plan)]) return false;
  return !run_.sink.has(context.item.id, region_name(context.item, region),
                        region_fingerprint(context.fingerprint, context.item, region), plan);
}

Decoder& Worker::decoder_for(const Codec& codec) {
  std::unique_ptr<Decoder>& decoder = decoders_[&codec];
  if (!decoder) decoder = codec.create_decoder();
  return *decoder;
}

}  // namespace smol
