#pragma once
#include <map>
#include <memory>
#include <vector>

#include "engine/batch_assembler.h"
#include "engine/decode_groups.h"
#include "engine/read_ahead.h"
#include "engine/run_state.h"
#include "smol/video.h"

namespace smol {

/// One host worker: reads, decodes and preprocesses items straight into batch slots. Owns its decoders, preprocessors and
/// buffers; used by one thread.
class Worker {
 public:
  explicit Worker(RunState& run);
  /// Makes the preprocessors. kUnsupported and the like when a pipeline cannot be built.
  Status prepare();
  /// Until the source ends or the run stops.
  void work();

 private:
  struct ItemContext {
    const Item& item;
    std::int64_t ticket;
    std::string fingerprint;
    std::int64_t file_bytes = 0;  // 0: unknown
    float read_us = 0;
    float frame_us = 0;               // decoding a video's frame, before its rows are converted
    std::optional<Size> full_size{};  // of the frame of the regions
  };

  struct EncodedPicture {
    ByteView bytes;
    const ImageHeader& header;
    Decoder& decoder;
  };

  class FrameFeed;

  bool take(ReadAhead::Entry& entry);
  // The frames of unit_, for all plans: once for each fidelity that these want.
  void process_frames();
  Status read_frames(const VideoFidelity& fidelity, std::span<const std::size_t> items, FrameFeed& feed);
  void process_frame(std::size_t item, const Result<FramePlanes>& planes, float frame_us);
  Result<VideoReader*> reader_of(const std::string& path);
  [[nodiscard]] int decoder_threads(const VideoIndex& video) const;
  void count_frame(std::size_t item);
  void process(const Item& item, std::int64_t ticket, float read_us);
  // Passes over rows that an earlier run made; their failures count as this run's. False when all are there.
  bool find_wanted(const ItemContext& context);
  Status read(ItemContext& context, ByteView& bytes);
  // Finds out the size of the picture that the regions are given in, where that is another one.
  Status find_frame(ItemContext& context);
  // Holds the memory that decoding takes; reads again what had to make room while it waited.
  Status hold_for_decoding(const Item& item, const ImageHeader& header, const Codec& codec, ByteView& bytes);
  // Gives back what the picture took, and what was kept of it beyond the worker's share.
  void release_memory();
  void process_bytes(ItemContext& context, ByteView bytes);
  void process_picture(const ItemContext& context, const ImageView& picture);
  // Fills jobs_ with what each wanted region and plan asks of the decoder; those that do not suit the picture get their rows
  // here.
  void list_jobs(const ItemContext& context, const ImageHeader& header);
  void process_group(const ItemContext& context, std::span<DecodeJob> group, const EncodedPicture& picture);
  // False when the part is damaged: then each region is decoded alone, for what can be had of it.
  bool decode_once(const ItemContext& context, std::span<const DecodeJob> group, const DecodeNeed& need,
                   const EncodedPicture& picture);
  void decode_region(const ItemContext& context, std::span<const DecodeJob> jobs, const EncodedPicture& picture);
  // What was decoded, where one of the plans would take embedded thumbnails.
  void count_thumbnail(std::span<const DecodeJob> jobs, const Result<DecodeReport>& report);
  // A place in a batch for each of the jobs, fewer when the run stops; fills filling_.
  void lease_places(std::span<const DecodeJob> jobs);
  // Leases a slot, lets `write` fill it and commits it with a row. False when the run stops.
  template <typename Write>
  bool fill_slot(const ItemContext& context, std::size_t region, int plan, float decode_us, Write write);
  [[nodiscard]] PreprocessOptions options_for(const ItemContext& context, std::size_t region) const;
  [[nodiscard]] std::int64_t ticket_of(const ItemContext& context, std::size_t region, int plan) const;
  [[nodiscard]] Row make_row(const ItemContext& context, std::size_t region, int plan) const;
  void fail_row(const ItemContext& context, std::size_t region, int plan, const Error& error);
  void fail_item(const ItemContext& context, const Error& error);
  // Whether no row exists yet, neither of an earlier run nor of this one.
  [[nodiscard]] bool wanted(const ItemContext& context, std::size_t region, int plan) const;
  void commit(std::size_t region, int plan, SlotGuard& slot, Row row);
  Decoder& decoder_for(const Codec& codec);

  RunState& run_;
  MemoryGrant memory_;
  bool collects_whole_ = false;  // some plan needs the whole picture, not only rows on their way
  std::vector<std::unique_ptr<Preprocessor>> preprocessors_;  // by plan
  std::map<const Codec*, std::unique_ptr<Decoder>> decoders_;
  std::vector<std::uint8_t> file_, frame_;
  DecodedPart part_;
  std::vector<DecodeJob> jobs_;  // of one picture
  struct {
    std::vector<SlotGuard> guards;
    std::vector<Preprocessor*> preprocessors;
    std::vector<TensorSlot> slots;
  } filling_;  // of one decoding, by job
  WorkUnit unit_;
  std::vector<bool> takes_part_;  // by plan: what is being decoded is for it
  std::unique_ptr<FrameDecoder> frame_decoder_;
  struct {
    std::string path;
    std::unique_ptr<VideoReader> reader;
  } video_;  // the last one, open
  struct {
    std::vector<std::string> fingerprints;
    std::vector<bool> failed, counted;
  } frames_;  // of unit_, by item
  bool item_failed_ = false;
  std::vector<bool> answered_;  // of the item, by region and plan: its row is on its way
};

}  // namespace smol
