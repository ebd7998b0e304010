// smol/codec.h: looking at pictures and decoding them.
#include "smol/codec.h"

#include "picture.h"
#include "smol/preprocess.h"

namespace smol::python {
namespace {

struct Opened {
  const Codec* codec;
  std::unique_ptr<Decoder> decoder;
};

// The codec for some bytes, with a decoder of its own: making one costs microseconds, a picture at least hundreds.
Result<Opened> open(ByteView bytes) {
  if (bytes.empty()) return Error{ErrorCode::kTruncated, "the file is empty", Stage::kRead};
  const Codec* codec = shared_codecs().sniff(bytes);
  if (codec == nullptr) return shared_codecs().unrecognised(bytes);
  return Opened{codec, codec->create_decoder()};
}

Result<ByteView> encoded(const PictureInput& input, std::vector<std::uint8_t>& file) {
  if (input.picture() == nullptr) return input.bytes(file);
  return Error{ErrorCode::kInvalidArgument, "expected a path or encoded bytes, given a decoded picture"};
}

ImageHeader probe(nb::handle picture) {
  const PictureInput input = unwrap(PictureInput::from(picture));
  const nb::gil_scoped_release released;
  std::vector<std::uint8_t> file;
  const ByteView bytes = unwrap(encoded(input, file));
  const Opened opened = unwrap(open(bytes));
  return unwrap(opened.decoder->probe(bytes));
}

Result<Image> decode_without_gil(const PictureInput& input, const PictureRequest& request) {
  std::vector<std::uint8_t> file;
  SMOL_ASSIGN_OR_RETURN(const ByteView bytes, encoded(input, file));
  SMOL_ASSIGN_OR_RETURN(const Opened opened, open(bytes));
  Image image;
  if (auto report = decode_picture(*opened.codec, *opened.decoder, bytes, request, image); !report.ok()) {
    return std::move(report).error();
  }
  return image;
}

using Region = std::tuple<int, int, int, int>;

nb::ndarray<nb::numpy, std::uint8_t> decode(nb::handle picture, int scale, std::optional<Region> region,
                                            const std::string& fail_on, bool keep_orientation,
                                            std::optional<std::int64_t> max_pixels) {
  const PictureInput input = unwrap(PictureInput::from(picture));
  PictureRequest request;
  request.scale_denominator = scale;
  if (region) {
    const auto [x, y, width, height] = *region;
    request.region = Rect{x, y, width, height};
  }
  request.fail_on = unwrap(parse_fail_on(fail_on));
  request.keep_orientation = keep_orientation;
  if (max_pixels) request.limits.max_pixels = *max_pixels;
  std::optional<DenseArray> array;
  {
    const nb::gil_scoped_release released;
    const Image image = unwrap(decode_without_gil(input, request));
    array.emplace(image.view());
  }
  return (*std::move(array)).to_numpy();
}

}  // namespace

void bind_codec(nb::module_& module) {
  nb::class_<ImageHeader>(module, "ImageHeader", "What the header of a picture says, and what decoding costs depend on.")
      .def_prop_ro(
          "format", [](const ImageHeader& h) { return h.format; }, "Name of the codec.")
      .def_prop_ro(
          "width", [](const ImageHeader& h) { return h.oriented_size().width; }, "After the orientation.")
      .def_prop_ro(
          "height", [](const ImageHeader& h) { return h.oriented_size().height; }, "After the orientation.")
      .def_ro("stored_width", &ImageHeader::width)
      .def_ro("stored_height", &ImageHeader::height)
      .def_prop_ro(
          "orientation", [](const ImageHeader& h) { return static_cast<int>(h.orientation); }, "EXIF, 1 to 8.")
      .def_ro("channels", &ImageHeader::channels, "Stored channels without alpha: 1 gray, 3 colour, 4 CMYK.")
      .def_ro("bits", &ImageHeader::bits, "Bits a sample.")
      .def_ro("alpha", &ImageHeader::alpha)
      .def_ro("palette", &ImageHeader::palette)
      .def_ro("progressive", &ImageHeader::progressive)
      .def_ro("restart_interval", &ImageHeader::restart_interval)
      .def_prop_ro(
          "chroma", [](const ImageHeader& h) { return std::pair(h.chroma_horizontal, h.chroma_vertical); },
          "Subsampling of chroma, (2, 2) for 4:2:0.")
      .def_ro("compressed_bytes", &ImageHeader::compressed_bytes)
      .def_ro("num_frames", &ImageHeader::num_frames)
      .def_prop_ro(
          "thumbnail",
          [](const ImageHeader& h) {
            return h.thumbnail.width > 0 ? std::optional(std::pair(h.thumbnail.width, h.thumbnail.height)) : std::nullopt;
          },
          "Width and height of the embedded thumbnail, as stored; None without one.")
      .def("__repr__", [](const ImageHeader& h) {
        return "ImageHeader(format='" + std::string(h.format) + "', width=" + std::to_string(h.oriented_size().width) +
               ", height=" + std::to_string(h.oriented_size().height) + ", channels=" + std::to_string(h.channels) + ")";
      });
  module.def("probe", probe, "picture"_a);
  module.def("decode", decode, "picture"_a, "scale"_a, "region"_a.none(), "fail_on"_a, "keep_orientation"_a,
             "max_pixels"_a.none());
}

}  // namespace smol::python
