#include "engine/worker.h"

#include <algorithm>
#include <new>

namespace smol {
namespace {

using Clock = std::chrono::steady_clock;

float microseconds_since(Clock::time_point start) {
  return std::chrono::duration<float, std::micro>(Clock::now() - start).count();
}

std::size_t num_regions(const Item& item) { return std::max<std::size_t>(1, item.regions.size()); }

float& stage_of(Row& row, Stage stage) { return row.stage_us[static_cast<std::size_t>(stage)]; }

Error with_stage(Error error, Stage stage) {
  if (error.stage == Stage::kNone) error.stage = stage;
  return error;
}

}  // namespace

Worker::Worker(RunState& run) : run_(run) {}

Status Worker::prepare() {
  groups_.clear();
  for (std::size_t plan = 0; plan < run_.plans.size(); ++plan) {
    const PhysicalPipeline& pipeline = run_.plans[plan]->plan.pipeline;
    SMOL_ASSIGN_OR_RETURN(std::unique_ptr<Preprocessor> preprocessor, create_preprocessor(pipeline));
    auto group = std::find_if(groups_.begin(), groups_.end(), [&](const Group& g) {
      return run_.plans[g.plans.front()]->plan.pipeline.decode == pipeline.decode;
    });
    if (group == groups_.end()) group = groups_.insert(groups_.end(), Group{});
    group->plans.push_back(static_cast<int>(plan));
    group->preprocessors.push_back(std::move(preprocessor));
  }
  return {};
}

void Worker::work() {
  while (!run_.stop.stop_requested()) {
    std::int64_t ticket = 0;
    Result<std::optional<Item>> item = run_.next_item(ticket);
    if (!item.ok()) return run_.fail(std::move(item).error());
    if (!*item) return;
    if (!run_.options.ablation.buffer_reuse) {
      decoders_.clear();
      file_ = {};
      picture_ = {};
      if (Status made = prepare(); !made.ok()) return run_.fail(std::move(made).error());
    }
    process(**item, ticket);
  }
}

void Worker::process(const Item& item, std::int64_t ticket) {
  ItemContext context{item, ticket, fingerprint_of(item)};
  bool any_wanted = false;
  for (std::size_t region = 0; region < num_regions(item); ++region) {
    for (std::size_t plan = 0; plan < run_.plans.size(); ++plan)
      any_wanted |= wanted(context, region, static_cast<int>(plan));
  }
  if (!any_wanted) {
    run_.skipped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  item_failed_ = false;
  try {
    ByteView bytes;
    if (Status got = read(item, bytes, context.read_us); !got.ok()) {
      fail_item(context, with_stage(std::move(got).error(), Stage::kRead));
    } else if (item.picture) {
      process_regions_of_picture(context, item.picture->view(), Orientation::kNormal, 0);
    } else {
      process_bytes(context, bytes);
    }
  } catch (const std::bad_alloc&) {
    fail_item(context, Error{ErrorCode::kOutOfMemory, "not enough memory for this item", Stage::kDecode});
  }
  if (run_.stop.stop_requested()) return;
  run_.items.fetch_add(1, std::memory_order_relaxed);
  if (item_failed_) run_.failed_items.fetch_add(1, std::memory_order_relaxed);
}

Status Worker::read(const Item& item, ByteView& bytes, float& read_us) {
  if (item.error) return *item.error;
  if (item.picture) return {};
  if (item.bytes) {
    bytes = *item.bytes;
    return {};
  }
  const Clock::time_point start = Clock::now();
  SMOL_RETURN_IF_ERROR(read_file(item.path, file_));
  bytes = file_;
  read_us = microseconds_since(start);
  return {};
}

void Worker::process_bytes(const ItemContext& context, ByteView bytes) {
  if (bytes.empty()) return fail_item(context, Error{ErrorCode::kTruncated, "the file is empty", Stage::kRead});
  const Codec* codec = run_.runtime.codecs.sniff(bytes);
  if (codec == nullptr) return fail_item(context, with_stage(run_.runtime.codecs.unrecognised(bytes), Stage::kDecode));
  Decoder& decoder = decoder_for(*codec);
  const Clock::time_point start = Clock::now();
  Result<ImageHeader> header = decoder.probe(bytes);
  if (!header.ok()) return fail_item(context, with_stage(std::move(header).error(), Stage::kDecode));
  if (prefers_one_decode(context.item, *header)) {
    DecodeRequest request;
    request.format = header->is_gray() ? PixelFormat::kGray8 : PixelFormat::kRgb8;
    request.fail_on = run_.options.fail_on;
    request.limits = run_.options.limits;
    request.stop = run_.stop.get_token();
    const Result<DecodeReport> decoded = decode_to_image(decoder, bytes, request, picture_);
    if (!decoded.ok()) return fail_item(context, with_stage(decoded.error(), Stage::kDecode));
    return process_regions_of_picture(context, picture_.view(), header->orientation,
                                      microseconds_since(start) / static_cast<float>(num_regions(context.item)));
  }
  for (Group& group : groups_) {
    for (std::size_t region = 0; region < num_regions(context.item); ++region) {
      process_group(context, group, region, bytes, *header, decoder);
    }
  }
}

// Several regions of one picture: decoding once costs the picture; decoding each region costs about 65 % of the picture down
// to the region's last row (entropy decoding, which regions do not save) and 35 % of the region's share of the area.
bool Worker::prefers_one_decode(const Item& item, const ImageHeader& header) const {
  if (item.regions.size() < 2) return false;
  const Size size = item.full_size.value_or(header.oriented_size());
  double separate = 0;
  for (const Region& region : item.regions) {
    const double last_row = std::clamp(static_cast<double>(region.rect.y + region.rect.height) / size.height, 0.0, 1.0);
    const double area =
        static_cast<double>(region.rect.width) * region.rect.height / (static_cast<double>(size.width) * size.height);
    separate += 0.65 * last_row + 0.35 * std::min(area, 1.0);
  }
  return separate * static_cast<double>(groups_.size()) > 1.0;
}

PreprocessOptions Worker::options_for(const Item& item, std::size_t region) const {
  PreprocessOptions options;
  options.fail_on = run_.options.fail_on;
  options.limits = run_.options.limits;
  options.stop = run_.stop.get_token();
  if (!item.regions.empty()) options.roi = item.regions[region].rect;
  options.full_size = item.full_size;
  return options;
}

void Worker::process_regions_of_picture(const ItemContext& context, const ImageView& picture, Orientation orientation,
                                        float decode_us) {
  for (std::size_t region = 0; region < num_regions(context.item); ++region) {
    for (Group& group : groups_) {
      for (std::size_t i = 0; i < group.plans.size(); ++i) {
        const int plan = group.plans[i];
        if (!wanted(context, region, plan)) continue;
        Result<SlotLease> lease = run_.assemblers[plan]->lease(run_.stop.get_token());
        if (!lease.ok()) return;
        const Clock::time_point start = Clock::now();
        Status done = group.preprocessors[i]->run(picture, orientation, options_for(context.item, region), lease->tensor);
        if (!done.ok()) {
          run_.assemblers[plan]->abandon(*lease);
          fail_row(context, region, plan, with_stage(std::move(done).error(), Stage::kPreprocess));
          continue;
        }
        Row row = make_row(context, region, plan);
        stage_of(row, Stage::kDecode) = decode_us;
        stage_of(row, Stage::kPreprocess) = microseconds_since(start);
        run_.assemblers[plan]->commit(*lease, std::move(row));
      }
    }
  }
}

void Worker::process_group(const ItemContext& context, Group& group, std::size_t region, ByteView bytes,
                           const ImageHeader& header, Decoder& decoder) {
  std::vector<SlotLease> leases;
  std::vector<Preprocessor*> preprocessors;
  std::vector<TensorSlot> slots;
  std::vector<int> plans;
  for (std::size_t i = 0; i < group.plans.size(); ++i) {
    if (!wanted(context, region, group.plans[i])) continue;
    Result<SlotLease> lease = run_.assemblers[group.plans[i]]->lease(run_.stop.get_token());
    if (!lease.ok()) break;
    leases.push_back(*lease);
    slots.push_back(lease->tensor);
    preprocessors.push_back(group.preprocessors[i].get());
    plans.push_back(group.plans[i]);
  }
  const PreprocessOptions options = options_for(context.item, region);
  Result<DecodeReport> report = Error{ErrorCode::kCancelled, "stopped"};
  if (!run_.stop.stop_requested() && !plans.empty()) {
    report = plans.size() == 1 ? preprocessors[0]->run(decoder, bytes, header, options, slots[0])
                               : run_many(decoder, bytes, header, options, preprocessors, slots);
  }
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (!report.ok()) {
      run_.assemblers[plans[i]]->abandon(leases[i]);
      fail_row(context, region, plans[i], with_stage(report.error(), Stage::kDecode));
      continue;
    }
    Row row = make_row(context, region, plans[i]);
    row.truncated = report->truncated;
    row.recovered = report->recovered;
    const PreprocessTiming timing = preprocessors[i]->last_timing();
    stage_of(row, Stage::kDecode) = i == 0 ? static_cast<float>(timing.decode_us) : 0.0F;
    stage_of(row, Stage::kPreprocess) = static_cast<float>(timing.preprocess_us);
    run_.assemblers[plans[i]]->commit(leases[i], std::move(row));
  }
}

std::int64_t Worker::ticket_of(const ItemContext& context, std::size_t region, int plan) const {
  return context.ticket + static_cast<std::int64_t>(region * run_.plans.size()) + plan;
}

Row Worker::make_row(const ItemContext& context, std::size_t region, int plan) const {
  Row row;
  row.ticket = ticket_of(context, region, plan);
  row.item = context.item.id;
  if (!context.item.regions.empty()) row.region = context.item.regions[region].name;
  row.fingerprint = context.fingerprint;
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
  run_.events.push(Event{.row = std::move(row)});
}

void Worker::fail_item(const ItemContext& context, const Error& error) {
  for (std::size_t region = 0; region < num_regions(context.item); ++region) {
    for (std::size_t plan = 0; plan < run_.plans.size(); ++plan) {
      if (wanted(context, region, static_cast<int>(plan))) fail_row(context, region, static_cast<int>(plan), error);
    }
  }
}

bool Worker::wanted(const ItemContext& context, std::size_t region, int plan) const {
  const std::string_view name = context.item.regions.empty() ? std::string_view{} : context.item.regions[region].name;
  return !run_.sink.has(context.item.id, name, context.fingerprint, plan);
}

Decoder& Worker::decoder_for(const Codec& codec) {
  std::unique_ptr<Decoder>& decoder = decoders_[&codec];
  if (!decoder) decoder = codec.create_decoder();
  return *decoder;
}

}  // namespace smol
