#include <filesystem>
#include <vector>

#include "base/library_folder.h"
#include "codec/isolated/isolated_codec.h"
#include "codec/opaque/opaque_formats.h"

namespace smol {
namespace {

constexpr const char* kConvert = "or convert the files to JPEG or PNG";

std::string remedy_of(const OpaqueFormat& format) {
  return "install " + std::string(format.build_package) + " and build smol from source, " + kConvert;
}

/// Of each format that was built; what a plug-in answers does not change while this process runs.
const std::vector<PlugInDescription>& descriptions(const std::string& program, const std::vector<std::string>& plug_ins) {
  static const std::vector<PlugInDescription> kFound = describe_plug_ins(program, plug_ins);
  return kFound;
}

}  // namespace

void add_opaque_codecs(CodecRegistry& registry) {
  static const std::filesystem::path kFolder = library_folder();
  const std::string program = (kFolder / "smol-decoder").string();
  std::vector<std::string> plug_ins;
  for (const OpaqueFormat& format : opaque_formats()) {
    if (format.is_built) plug_ins.push_back((kFolder / ("libsmol_codec_" + std::string(format.name) + ".so")).string());
  }
  std::size_t next = 0;
  for (const OpaqueFormat& format : opaque_formats()) {
    const std::string name(format.name);
    if (!format.is_built) {
      registry.add_unavailable({name, "built without " + std::string(format.library), remedy_of(format)});
      continue;
    }
    const PlugInDescription& found = descriptions(program, plug_ins)[next];
    const std::string& plug_in = plug_ins[next++];
    if (!found.error.empty()) {
      registry.add_unavailable({name, found.error, remedy_of(format)});
      continue;
    }
    // The names in the tables differ, so that adding cannot fail.
    static_cast<void>(registry.add(create_isolated_codec(
        {name, found.description + ", in a process of its own", format.sniff, format.capabilities, program, plug_in})));
  }
}

}  // namespace smol
