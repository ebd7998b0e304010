#pragma once
#include "smol/video.h"

namespace smol {

/// What a video plug-in exports; null when it cannot be used.
using CreateVideoLibraryFunction = VideoLibrary* (*)();
inline constexpr const char* kCreateVideoLibrarySymbol = "smol_create_video_library_v1";

}  // namespace smol

/// Of the plug-in, where it is linked instead of loaded.
extern "C" smol::VideoLibrary* smol_create_video_library_v1();
