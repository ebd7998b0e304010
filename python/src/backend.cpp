// smol/backend.h and the machine: what works here, what not and why.
#include "smol/backend.h"

#include "binding.h"
#include "engine/describe_runtime.h"

namespace smol::python {
namespace {

nb::dict info() {
  const std::shared_ptr<const Runtime> runtime = runtime_with({});
  nb::list codecs, backends, libraries;
  describe_codecs<nb::dict>(*runtime, [&](const nb::dict& entry) { codecs.append(entry); });
  describe_backends<nb::dict>(*runtime, [&](const nb::dict& entry) { backends.append(entry); });
  for (const LinkedLibrary& library : linked_libraries()) libraries.append(describe<nb::dict>(library));
  nb::dict info = describe_machine<nb::dict>();
  info["codecs"] = codecs;
  info["video"] = describe_video<nb::dict>();
  info["backends"] = backends;
  info["libraries"] = libraries;
  return info;
}

}  // namespace

void bind_backend(nb::module_& module) { module.def("info", info, nb::sig("def info() -> dict[str, typing.Any]")); }

}  // namespace smol::python
