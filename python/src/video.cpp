// smol/video.h: videos, their frames by number.
#include "smol/video.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <thread>

#include "base/thread_budget.h"
#include "engine/describe_runtime.h"
#include "picture.h"
#include "picture_preprocessor.h"
#include "smol/preprocess.h"
#include "smol/source.h"

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

/// Frames to tensors: by work units, as many at a time as there are threads, each with a reader of its own. The first frame
/// that fails, by its place, is told.
class FrameTensors {
 public:
  FrameTensors(const std::string& path, std::shared_ptr<const VideoIndex> index, VideoReadOptions options,
               PicturePreprocessor& preprocessor, std::uint8_t* memory)
      : path_(path), index_(std::move(index)), options_(std::move(options)), preprocessor_(preprocessor), memory_(memory) {}

  Status run(const std::vector<std::int64_t>& numbers, int threads) {
    const auto num_frames = static_cast<std::int64_t>(index_->frames.size());
    for (const std::int64_t number : numbers) {
      if (number >= 0 && number < num_frames) continue;
      return Error{ErrorCode::kInvalidArgument,
                   "the video has frames 0.." + std::to_string(num_frames - 1) + ": " + std::to_string(number)};
    }
    std::vector<Item> items(numbers.size());
    for (std::size_t i = 0; i < items.size(); ++i) items[i].video = index_, items[i].frame = numbers[i];
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      const Result<std::unique_ptr<VideoReader>> reader = video_library().value()->open(path_);
      if (!reader.ok()) return fail(0, reader.error());
      std::size_t begin = next.load(), end = begin;
      while (begin < items.size() && !options_.stop.stop_requested() && !failed_) {
        end = unit_end(items, begin);
        if (!next.compare_exchange_weak(begin, end)) continue;
        Feed feed(*this, begin);
        const Status read = (*reader)->read(*index_, std::span(numbers).subspan(begin, end - begin), options_, feed);
        if (!read.ok()) return fail(begin, read.error());
        begin = next.load();
      }
    };
    {
      std::vector<std::jthread> workers;
      for (int i = 1; i < threads; ++i) workers.emplace_back(work);
      work();
    }
    if (options_.stop.stop_requested()) return Error{ErrorCode::kCancelled, "reading the video was stopped"};
    if (!failure_) return {};
    Error error = failure_->second;
    error.message += ": frame " + std::to_string(numbers[failure_->first]);
    return error;
  }

 private:
  class Feed final : public FrameConsumer {
   public:
    Feed(FrameTensors& tensors, std::size_t begin) : tensors_(tensors), place_(begin) {}
    bool frame(std::int64_t /*number*/, const Result<FramePlanes>& planes) override {
      const std::size_t place = place_++;
      const Status done = planes.ok() ? convert(*planes, place) : planes.error();
      if (!done.ok()) tensors_.fail(place, done.error());
      return done.ok() && !tensors_.failed_;
    }

   private:
    Status convert(const FramePlanes& planes, std::size_t place) {
      decoder_->show(planes, tensors_.index_->info.orientation);
      PicturePreprocessor& preprocessor = tensors_.preprocessor_;
      const TensorSlot slot = preprocessor.slot(tensors_.memory_ + place * preprocessor.slot(nullptr).size_bytes());
      return preprocessor.run_frame(*decoder_, *tensors_.index_, {&slot, 1}, tensors_.options_.stop);
    }

    FrameTensors& tensors_;
    std::size_t place_;
    std::unique_ptr<FrameDecoder> decoder_ = create_frame_decoder();
  };

  void fail(std::size_t place, const Error& error) {
    const std::scoped_lock lock(mutex_);
    if (!failure_ || place < failure_->first) failure_.emplace(place, error);
    failed_ = true;
  }

  const std::string& path_;
  const std::shared_ptr<const VideoIndex> index_;
  const VideoReadOptions options_;
  PicturePreprocessor& preprocessor_;
  std::uint8_t* const memory_;
  std::mutex mutex_;
  std::atomic<bool> failed_ = false;
  std::optional<std::pair<std::size_t, Error>> failure_;
};

/// An open video with its index. One call at a time: the Python class holds a lock.
class OpenVideo {
 public:
  explicit OpenVideo(const std::string& path) : path_(path) {
    const nb::gil_scoped_release released;
    const VideoLibrary* const library = unwrap(video_library());
    index_ = std::make_shared<const VideoIndex>(unwrap(library->index(path)));
    reader_ = unwrap(library->open(path));
  }

  /// Arrays (height, width, channels), in the order of `numbers`, which ascend; the first damaged frame raises.
  Arrays read(const std::vector<std::int64_t>& numbers, const std::string& fidelity, int threads,
              const std::string& fail_on) {
    VideoReadOptions options;
    options.fidelity = unwrap(parse_video_fidelity(fidelity));
    options.threads = threads;
    options.fail_on = unwrap(parse_fail_on(fail_on));
    Collector collector(index_->info.orientation, options.stop);
    {
      const nb::gil_scoped_release released;
      unwrap(reader_->read(*index_, numbers, options, collector));
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
  /// An array (frames, then a tensor's shape), in the order of `numbers`, which ascend.
  nb::object tensors(const std::vector<std::int64_t>& numbers, PicturePreprocessor& preprocessor,
                     const std::string& fidelity, int threads, const std::string& fail_on) {
    VideoReadOptions options;
    options.fidelity = unwrap(parse_video_fidelity(fidelity));
    options.fail_on = unwrap(parse_fail_on(fail_on));
    const OutputSpec& output = preprocessor.output();
    ArrayMemory memory(preprocessor.slot(nullptr).size_bytes() * numbers.size());
    const int workers = threads > 0 ? threads : available_cores();
    unwrap(run_interruptibly([&](const std::stop_token& stop) {
      options.stop = stop;
      return FrameTensors(path_, index_, options, preprocessor, static_cast<std::uint8_t*>(memory.data()))
          .run(numbers, workers);
    }));
    std::vector<std::size_t> shape = shape_of(output);
    shape.insert(shape.begin(), numbers.size());
    return to_numpy(std::move(memory), output.dtype, std::move(shape));
  }
  [[nodiscard]] const VideoIndex& index() const { return *index_; }

 private:
  std::string path_;
  std::shared_ptr<const VideoIndex> index_;
  std::unique_ptr<VideoReader> reader_;
};

nb::typed<nb::dict, nb::str, nb::any> info_of(const OpenVideo& video) { return describe<nb::dict>(video.index()); }

}  // namespace

void bind_video(nb::module_& module) {
  nb::class_<OpenVideo>(module, "OpenVideo")
      .def(nb::init<const std::string&>(), "path"_a)
      .def("read", &OpenVideo::read, "numbers"_a, "fidelity"_a, "threads"_a, "fail_on"_a)
      .def("tensors", &OpenVideo::tensors, "numbers"_a, "preprocessor"_a, "fidelity"_a, "threads"_a, "fail_on"_a,
           nb::sig("def tensors(self, numbers: collections.abc.Sequence[int], preprocessor: PicturePreprocessor, "
                   "fidelity: str, threads: int, fail_on: str) -> numpy.typing.NDArray[typing.Any]"))
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
