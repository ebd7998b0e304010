// smol/backend.h and the machine: what works here, what not and why.
#include "smol/backend.h"

#include "base/thread_budget.h"
#include "binding.h"
#include "smol/preprocess.h"
#include "smol/version.h"

namespace smol::python {
namespace {

nb::dict unavailable(const std::string& name, const std::string& reason, const std::string& remedy) {
  nb::dict entry;
  entry["name"] = name;
  entry["available"] = false;
  entry["reason"] = reason;
  entry["remedy"] = remedy;
  return entry;
}

nb::list codecs_of(const Runtime& runtime) {
  nb::list codecs;
  for (const auto& codec : runtime.codecs.codecs()) {
    const CodecCapabilities& can = codec->capabilities();
    nb::dict entry;
    entry["name"] = codec->name();
    entry["available"] = true;
    entry["description"] = codec->description();
    entry["scale_denominators"] = can.scale_denominators;
    entry["region"] = can.region;
    entry["early_stop"] = can.early_stop;
    entry["streams_rows"] = can.streams_rows;
    entry["planar"] = can.planar;
    codecs.append(entry);
  }
  for (const UnavailableCodec& codec : runtime.codecs.unavailable())
    codecs.append(unavailable(codec.name, codec.reason, codec.remedy));
  return codecs;
}

nb::list backends_of(const Runtime& runtime) {
  nb::list backends;
  for (const auto& backend : runtime.backends.backends()) {
    const BackendCapabilities& can = backend->capabilities();
    nb::list precisions;
    for (Precision precision : can.fast_precisions) precisions.append(name_of(precision));
    nb::dict entry;
    entry["name"] = backend->name();
    entry["available"] = true;
    entry["description"] = backend->description();
    entry["device"] = can.device_name;
    entry["fast_precisions"] = precisions;
    entry["model_extensions"] = can.model_extensions;
    entry["simulated"] = can.simulated;
    entry["separate_memory"] = can.separate_memory;
    backends.append(entry);
  }
  for (const UnavailableBackend& backend : runtime.backends.unavailable())
    backends.append(unavailable(backend.name, backend.reason, backend.remedy));
  return backends;
}

nb::dict info() {
  const std::shared_ptr<const Runtime> runtime = runtime_with({});
  nb::dict info;
  info["version"] = SMOL_VERSION;
  info["machine"] = machine_name();
  info["cores"] = available_cores();
  info["simd_targets"] = simd_targets();
  info["codecs"] = codecs_of(*runtime);
  info["backends"] = backends_of(*runtime);
  return info;
}

}  // namespace

void bind_backend(nb::module_& module) { module.def("info", info, nb::sig("def info() -> dict[str, typing.Any]")); }

}  // namespace smol::python
