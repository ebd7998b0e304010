// smol/video.h: videos, their frames by number.
#include "smol/video.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/vector.h>

#include <cstring>

#include "picture.h"
#include "smol/preprocess.h"

namespace smol::python {
namespace {

using Arrays = nb::typed<nb::list, nb::ndarray<nb::numpy, std::uint8_t>>;

/// What a frame became: dense RGB (or gray) rows, or why it cannot be had.
struct FrameRows {
  std::optional<ArrayMemory> memory;
  std::vector<std::size_t> shape;
  std::optional<Error> error;
};

class Collector final : public FrameConsumer {
 public:
  Collector(Orientation orientation, const std::stop_token& stop) : orientation_(orientation) { request_.stop = stop; }

  bool frame(std::int64_t /*number*/, const Result<FramePlanes>& planes) override {
    frames_.push_back(planes.ok() ? converted(*planes) : FrameRows{{}, {}, planes.error()});
    return true;
  }
  [[nodiscard]] std::vector<FrameRows>& frames() { return frames_; }

 private:
  FrameRows converted(const FramePlanes& planes) {
    constexpr std::array<int, 1> kScales{1};
    const std::unique_ptr<Decoder> decoder = create_frame_decoder(planes, orientation_);
    if (const auto report = decode_picture(kScales, *decoder, {}, request_, image_); !report.ok())
      return {{}, {}, report.error()};
    const ImageView& view = image_.view();
    const std::size_t row_bytes = static_cast<std::size_t>(view.width) * bytes_per_pixel(view.format);
    FrameRows rows;
    rows.memory.emplace(row_bytes * view.height);
    for (int y = 0; y < view.height; ++y)
      std::memcpy(static_cast<std::uint8_t*>(rows.memory->data()) + row_bytes * y, view.row(y), row_bytes);
    rows.shape = {static_cast<std::size_t>(view.height), static_cast<std::size_t>(view.width),
                  static_cast<std::size_t>(num_channels(view.format))};
    return rows;
  }

  Orientation orientation_;
  PictureRequest request_;
  Image image_;
  std::vector<FrameRows> frames_;
};

/// An open video with its index. One call at a time: the Python class holds a lock.
class OpenVideo {
 public:
  explicit OpenVideo(const std::string& path) {
    const nb::gil_scoped_release released;
    const VideoLibrary* const library = unwrap(video_library());
    index_ = unwrap(library->index(path));
    reader_ = unwrap(library->open(path));
  }

  /// Arrays (height, width, channels), in the order of `numbers`, which ascend; the first damaged frame raises.
  Arrays read(const std::vector<std::int64_t>& numbers, const std::string& fidelity, int threads,
              const std::string& fail_on) {
    VideoReadOptions options;
    options.fidelity = unwrap(parse_video_fidelity(fidelity));
    options.threads = threads;
    options.fail_on = unwrap(parse_fail_on(fail_on));
    Collector collector(index_.info.orientation, options.stop);
    {
      const nb::gil_scoped_release released;
      unwrap(reader_->read(index_, numbers, options, collector));
    }
    Arrays arrays;
    for (std::size_t i = 0; i < collector.frames().size(); ++i) {
      FrameRows& rows = collector.frames()[i];
      if (rows.error) {
        Error error = *rows.error;
        error.message += ": frame " + std::to_string(numbers[i]);
        unwrap(Status(error));
      }
      arrays.append((*std::move(rows.memory)).to_numpy<std::uint8_t>(rows.shape));
    }
    return arrays;
  }
  [[nodiscard]] const VideoIndex& index() const { return index_; }

 private:
  VideoIndex index_;
  std::unique_ptr<VideoReader> reader_;
};

nb::typed<nb::dict, nb::str, nb::any> info_of(const OpenVideo& video) {
  const VideoIndex& index = video.index();
  const VideoInfo& info = index.info;
  nb::typed<nb::dict, nb::str, nb::any> dict;
  const bool turned = swaps_axes(info.orientation);
  dict["container"] = info.container;
  dict["codec"] = info.codec;
  dict["width"] = turned ? info.height : info.width;
  dict["height"] = turned ? info.width : info.height;
  dict["orientation"] = static_cast<int>(info.orientation);
  dict["frames"] = index.frames.size();
  dict["claimed_frames"] = info.claimed_frames;
  dict["frames_per_s"] = info.frames_per_s;
  dict["duration_s"] = info.duration_s;
  dict["groups"] = index.groups.size();
  dict["bits"] = info.bits;
  dict["matrix"] = info.matrix ? nb::cast(std::string(name_of(*info.matrix))) : nb::none();
  dict["full_range"] = info.full_range;
  dict["hdr"] = info.hdr;
  dict["seekable"] = index.seekable;
  dict["timed"] = index.timed;
  dict["file_bytes"] = info.file_bytes;
  return dict;
}

}  // namespace

void bind_video(nb::module_& module) {
  nb::class_<OpenVideo>(module, "OpenVideo")
      .def(nb::init<const std::string&>(), "path"_a)
      .def("read", &OpenVideo::read, "numbers"_a, "fidelity"_a, "threads"_a, "fail_on"_a)
      .def("info", info_of)
      .def("times_s",
           [](const OpenVideo& video) {
             std::vector<double> times;
             for (const VideoFrame& frame : video.index().frames)
               times.push_back(video.index().info.time_base.seconds(frame.pts));
             return times;
           })
      .def("key_frames",
           [](const OpenVideo& video) {
             std::vector<std::int64_t> keys;
             for (std::size_t i = 0; i < video.index().frames.size(); ++i) {
               if (video.index().frames[i].key) keys.push_back(static_cast<std::int64_t>(i));
             }
             return keys;
           })
      .def(
          "frame_at", [](const OpenVideo& video, double seconds) { return unwrap(video.index().frame_at(seconds)); },
          "seconds"_a);
}

}  // namespace smol::python
