#pragma once
#include <string_view>
#include <vector>

#include "base/thread_budget.h"
#include "engine/linked_libraries.h"
#include "smol/preprocess.h"
#include "smol/session.h"
#include "smol/version.h"
#include "smol/video.h"

namespace smol {

/// The machine and this build: `Object` is a dictionary of any language's, filled by `object["key"] = value`.
template <typename Object>
[[nodiscard]] Object describe_machine() {
  Object object;
  object["version"] = SMOL_VERSION;
  object["machine"] = machine_name();
  object["cores"] = available_cores();
  object["simd_targets"] = simd_targets();
  return object;
}

template <typename Object>
[[nodiscard]] Object describe(const Codec& codec) {
  const CodecCapabilities& can = codec.capabilities();
  Object object;
  object["name"] = codec.name();
  object["available"] = true;
  object["description"] = codec.description();
  object["scale_denominators"] = can.scale_denominators;
  object["region"] = can.region;
  object["early_stop"] = can.early_stop;
  object["streams_rows"] = can.streams_rows;
  object["planar"] = can.planar;
  object["embedded_thumbnails"] = can.embedded_thumbnails;
  return object;
}

template <typename Object>
[[nodiscard]] Object describe(const Backend& backend) {
  const BackendCapabilities& can = backend.capabilities();
  std::vector<std::string_view> fast_precisions;
  fast_precisions.reserve(can.fast_precisions.size());
  for (const Precision precision : can.fast_precisions) fast_precisions.push_back(name_of(precision));
  Object object;
  object["name"] = backend.name();
  object["available"] = true;
  object["description"] = backend.description();
  object["device"] = can.device_name;
  object["fast_precisions"] = fast_precisions;
  object["model_extensions"] = can.model_extensions;
  object["simulated"] = can.simulated;
  object["separate_memory"] = can.separate_memory;
  return object;
}

template <typename Object>
[[nodiscard]] Object describe(const LinkedLibrary& library) {
  Object object;
  object["name"] = library.name;
  object["version"] = library.version;
  object["licence"] = library.licence;
  object["gpl"] = library.gpl;
  return object;
}

/// What a video file holds.
template <typename Object>
[[nodiscard]] Object describe(const VideoIndex& index) {
  const VideoInfo& info = index.info;
  const bool turned = swaps_axes(info.orientation);
  Object object;
  object["container"] = info.container;
  object["codec"] = info.codec;
  object["width"] = turned ? info.height : info.width;
  object["height"] = turned ? info.width : info.height;
  object["orientation"] = static_cast<int>(info.orientation);
  object["frames"] = index.frames.size();
  object["claimed_frames"] = info.claimed_frames;
  object["groups"] = index.groups.size();
  object["frames_per_s"] = info.frames_per_s;
  object["duration_s"] = info.duration_s;
  object["bits"] = info.bits;
  object["chroma"] = std::vector<int>{info.chroma_horizontal, info.chroma_vertical};
  object["matrix"] = nullptr;
  if (info.matrix) object["matrix"] = name_of(*info.matrix);
  object["full_range"] = info.full_range;
  object["hdr"] = info.hdr;
  object["can_skip_deblocking"] = info.can_skip_deblocking;
  object["max_scale_denominator"] = info.max_scale_denominator;
  object["seekable"] = index.seekable;
  object["timed"] = index.timed;
  object["file_bytes"] = info.file_bytes;
  return object;
}

/// An UnavailableCodec or UnavailableBackend.
template <typename Object, typename Entry>
[[nodiscard]] Object describe_unavailable(const Entry& entry) {
  Object object;
  object["name"] = entry.name;
  object["available"] = false;
  object["reason"] = entry.reason;
  object["remedy"] = entry.remedy;
  return object;
}

/// Calls `append` with an object for each codec, then for each that is not available.
template <typename Object, typename Append>
void describe_codecs(const Runtime& runtime, const Append& append) {
  for (const auto& codec : runtime.codecs.codecs()) append(describe<Object>(*codec));
  for (const UnavailableCodec& entry : runtime.codecs.unavailable()) append(describe_unavailable<Object>(entry));
}
/// The video plug-in, or why there is none.
template <typename Object>
[[nodiscard]] Object describe_video() {
  const Result<const VideoLibrary*> library = video_library();
  Object object;
  object["available"] = library.ok();
  if (library.ok()) {
    object["description"] = (*library)->description();
  } else {
    object["reason"] = library.error().message;
  }
  return object;
}
template <typename Object, typename Append>
void describe_backends(const Runtime& runtime, const Append& append) {
  for (const auto& backend : runtime.backends.backends()) append(describe<Object>(*backend));
  for (const UnavailableBackend& entry : runtime.backends.unavailable()) append(describe_unavailable<Object>(entry));
}

}  // namespace smol
