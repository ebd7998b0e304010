#pragma once
#include <functional>
#include <stop_token>
#include <string>

#include "codec/encode.h"
#include "smol/session.h"

namespace smol {

struct RenditionOptions {
  ResizeOp resize{ResizeOp::Mode::kShortSide, 161, 0, Filter::kBilinear, true};
  bool upscale = false;  ///< false: pictures that are smaller already keep their size
  EncodeFormat format;
  bool resume = false;   ///< keep files that were made with the same settings; otherwise all are replaced
  int host_workers = 0;  ///< 0 = available cores
  FailOn fail_on = FailOn::kTruncated;
  DecodeLimits limits;
  std::stop_token stop;
  std::function<void(const Progress&)> on_progress;
};

struct RenditionReport {
  std::int64_t written = 0, skipped = 0;
  std::int64_t bytes = 0;                               ///< of the files written
  std::vector<std::pair<std::string, Error>> failures;  ///< item, why; sorted by item
  double seconds = 0;
};

/// Hidden, so that it is no item; older files of the folder were made with other settings.
inline constexpr const char* kRenditionSettingsFile = ".smol-rendition.json";

/// Makes a stored form of every item of `source` under `folder`: decoded exactly, oriented (the result carries no EXIF),
/// resized, encoded; `a/b.png` becomes `a/b.jpg`. Files are written to a temporary name and renamed. Items fail one by one.
/// The folder remembers the settings in kRenditionSettingsFile; kInvalidArgument when `resume` meets others or none.
[[nodiscard]] Result<RenditionReport> make_rendition(const Runtime& runtime, Source& source, const std::string& folder,
                                                     const RenditionOptions& options);

}  // namespace smol
