#include <dlfcn.h>

#include <cstring>

#include "base/library_folder.h"
#include "codec/video/video_plug_in.h"

namespace smol {
namespace {

Result<const VideoLibrary*> load() {
  const std::string file = (library_folder() / "libsmol_video_ffmpeg.so").string();
  const std::string remedy = "install FFmpeg's libraries (Debian: libavformat59, libavcodec59) and build smol with them";
  // Stays loaded for the life of the process: readers' code lives in it.
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const reason = dlerror();
    return Error{ErrorCode::kUnsupported,
                 "videos cannot be read here; " + remedy + ": " + (reason != nullptr ? reason : file), Stage::kDecode};
  }
  const auto create = reinterpret_cast<CreateVideoLibraryFunction>(dlsym(library, kCreateVideoLibrarySymbol));
  const VideoLibrary* const made = create != nullptr ? create() : nullptr;
  if (made == nullptr)
    return Error{ErrorCode::kUnsupported, "the video plug-in is of another version; " + remedy + ": " + file,
                 Stage::kDecode};
  return made;
}

}  // namespace

Result<const VideoLibrary*> video_library() {
  static const Result<const VideoLibrary*> loaded = load();
  return loaded;
}

bool looks_like_video(ByteView bytes) {
  const auto at = [&](std::size_t offset, std::string_view magic) {
    return bytes.size() >= offset + magic.size() && std::memcmp(bytes.data() + offset, magic.data(), magic.size()) == 0;
  };
  using namespace std::string_view_literals;
  if (at(4, "ftyp")) {  // pictures in the same container are known by their brand
    for (const std::string_view brand : {"avif"sv, "avis"sv, "heic"sv, "heix"sv, "mif1"sv, "msf1"sv, "hevc"sv, "crx "sv}) {
      if (at(8, brand)) return false;
    }
    return true;
  }
  const bool transport_stream = !bytes.empty() && bytes[0] == 0x47 && bytes.size() > 188 && bytes[188] == 0x47;
  return at(0, "\x1a\x45\xdf\xa3"sv) || (at(0, "RIFF") && at(8, "AVI ")) || transport_stream || at(0, "\0\0\1\xba"sv) ||
         at(0, "FLV\1"sv) || at(0, "OggS") || at(4, "moov") || at(4, "mdat") || at(4, "wide") || at(4, "free");
}

std::string to_string(const VideoFidelity& fidelity) {
  std::string text = fidelity.deblocking == VideoFidelity::Deblocking::kNone            ? "deblock-none"
                     : fidelity.deblocking == VideoFidelity::Deblocking::kReferenceOnly ? "deblock-reference"
                                                                                        : "exact";
  if (fidelity.scale_denominator > 1) text += "+1/" + std::to_string(fidelity.scale_denominator);
  return text;
}

Result<VideoFidelity> parse_video_fidelity(std::string_view text) {
  for (const auto deblocking :
       {VideoFidelity::Deblocking::kAll, VideoFidelity::Deblocking::kReferenceOnly, VideoFidelity::Deblocking::kNone}) {
    for (const int scale : {1, 2, 4}) {
      if (const VideoFidelity fidelity{deblocking, scale}; to_string(fidelity) == text) return fidelity;
    }
  }
  return Error{ErrorCode::kInvalidArgument,
               "a video's fidelity is exact, deblock-reference or deblock-none, each perhaps with +1/2 or +1/4: " +
                   std::string(text)};
}

}  // namespace smol
