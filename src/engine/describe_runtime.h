#pragma once
#include <string_view>
#include <vector>

#include "base/thread_budget.h"
#include "engine/linked_libraries.h"
#include "smol/preprocess.h"
#include "smol/session.h"
#include "smol/version.h"

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
template <typename Object, typename Append>
void describe_backends(const Runtime& runtime, const Append& append) {
  for (const auto& backend : runtime.backends.backends()) append(describe<Object>(*backend));
  for (const UnavailableBackend& entry : runtime.backends.unavailable()) append(describe_unavailable<Object>(entry));
}

}  // namespace smol
