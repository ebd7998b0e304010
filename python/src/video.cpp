// smol/video.h: videos, their frames by number.
#include "smol/video.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/vector.h>

#include "engine/describe_runtime.h"
#include "picture.h"
#include "smol/preprocess.h"

namespace smol::python {
namespace {

using Arrays = nb::typed<nb::list, nb::ndarray<nb::numpy, std::uint8_t>>;

/// What a frame became, or why it cannot be had.
using Frame = Result<DenseArray>;

class Collector final : public FrameConsumer {
 public:
  Collector(Orientation orientation, const std::stop_token& stop) : orientation_(orientation) { request_.stop = stop; }

  bool frame(std::int64_t /*number*/, const Result<FramePlanes>& planes) override {
    frames_.push_back(planes.ok() ? converted(*planes) : Frame(planes.error()));
    return true;
  }
  [[nodiscard]] std::vector<Frame>& frames() { return frames_; }

 private:
  Frame converted(const FramePlanes& planes) {
    const Result<DecodeReport> report = decode_picture(planes, orientation_, request_, image_);
    if (!report.ok()) return report.error();
    return DenseArray(image_.view());
  }

  Orientation orientation_;
  PictureRequest request_;
  Image image_;
  std::vector<Frame> frames_;
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
      Frame& frame = collector.frames()[i];
      if (!frame.ok()) {
        Error error = frame.error();
        error.message += ": frame " + std::to_string(numbers[i]);
        unwrap(Status(error));
      }
      arrays.append(std::move(*frame).to_numpy());
    }
    return arrays;
  }
  [[nodiscard]] const VideoIndex& index() const { return index_; }

 private:
  VideoIndex index_;
  std::unique_ptr<VideoReader> reader_;
};

nb::typed<nb::dict, nb::str, nb::any> info_of(const OpenVideo& video) { return describe<nb::dict>(video.index()); }

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
