#pragma once

#include <memory>
#include <string>
#include <vector>

#include "smol/codec.h"

namespace smol {

/// What is known of a codec without loading it, and where its code is.
struct IsolatedCodecFacts {
  std::string name, description;
  bool (*sniff)(ByteView) = nullptr;
  CodecCapabilities capabilities;  ///< without planes: rows are shared interleaved
  std::string program;             ///< smol-decoder
  std::string plug_in;             ///< the shared object that it loads; exports kCreateCodecSymbol
  int time_limit_s = 60;           ///< a picture that takes longer is given up
};

/// A codec whose decoders run in a process of their own, one a decoder: what crashes, hangs or takes all memory there costs
/// one picture, and its libraries are never loaded into this process. The process starts at the first picture, again after a
/// crash, and ends with its decoder or with this process.
[[nodiscard]] std::unique_ptr<const Codec> create_isolated_codec(IsolatedCodecFacts facts);

/// What a plug-in says of itself once loaded: its libraries and their versions, or why it cannot be loaded.
struct PlugInDescription {
  std::string description, error;
};
/// In the order of `plug_ins`; one process loads them all.
[[nodiscard]] std::vector<PlugInDescription> describe_plug_ins(const std::string& program,
                                                               const std::vector<std::string>& plug_ins);

/// Entry point of a codec plug-in: `extern "C" smol::Codec* smol_create_codec_v1()`. The caller owns the result.
using CreateCodecFunction = Codec* (*)();
inline constexpr const char* kCreateCodecSymbol = "smol_create_codec_v1";

}  // namespace smol
