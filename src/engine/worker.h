#pragma once
#include <map>
#include <memory>
#include <vector>

#include "engine/run_state.h"

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
  // Plans whose decode steps agree share one decoding.
  struct Group {
    std::vector<int> plans;
    std::vector<std::unique_ptr<Preprocessor>> preprocessors;
  };
  struct ItemContext {
    const Item& item;
    std::int64_t ticket;
    std::string fingerprint;
    float read_us = 0;
  };

  void process(const Item& item, std::int64_t ticket);
  Status read(const Item& item, ByteView& bytes, float& read_us);
  void process_bytes(const ItemContext& context, ByteView bytes);
  void process_regions_of_picture(const ItemContext& context, const ImageView& picture, Orientation orientation,
                                  float decode_us);
  void process_group(const ItemContext& context, Group& group, std::size_t region, ByteView bytes, const ImageHeader& header,
                     Decoder& decoder);
  [[nodiscard]] bool prefers_one_decode(const Item& item, const ImageHeader& header) const;
  [[nodiscard]] PreprocessOptions options_for(const Item& item, std::size_t region) const;
  [[nodiscard]] std::int64_t ticket_of(const ItemContext& context, std::size_t region, int plan) const;
  [[nodiscard]] Row make_row(const ItemContext& context, std::size_t region, int plan) const;
  void fail_row(const ItemContext& context, std::size_t region, int plan, const Error& error);
  void fail_item(const ItemContext& context, const Error& error);
  [[nodiscard]] bool wanted(const ItemContext& context, std::size_t region, int plan) const;
  Decoder& decoder_for(const Codec& codec);

  RunState& run_;
  std::vector<Group> groups_;
  std::map<const Codec*, std::unique_ptr<Decoder>> decoders_;
  std::vector<std::uint8_t> file_;
  Image picture_;
  bool item_failed_ = false;
};

}  // namespace smol
