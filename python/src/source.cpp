// smol/source.h: datasets and streams of items.
#include "smol/source.h"

#include <fmt/format.h>

#include "planner/calibration.h"
#include "python_source.h"

namespace smol::python {
namespace {

std::vector<std::pair<std::string, std::string>> renditions_of(const Dataset& dataset) {
  std::vector<std::pair<std::string, std::string>> renditions;
  for (const Dataset::Rendition& rendition : dataset.renditions) renditions.emplace_back(rendition.name, rendition.path);
  return renditions;
}

const Dataset::Rendition& find_rendition(const Dataset& dataset, const std::string& name) {
  std::vector<std::string> names;
  for (const Dataset::Rendition& rendition : dataset.renditions) {
    if (rendition.name == name) return rendition;
    names.push_back(rendition.name);
  }
  throw Exception(Error{ErrorCode::kNotFound,
                        fmt::format("the dataset has no rendition '{}'; it has: {}", name, fmt::join(names, ", "))});
}

ItemStream items_of_dataset(const Dataset& dataset, const std::string& rendition, int shard, int num_shards) {
  if (num_shards < 1 || shard < 0 || shard >= num_shards) {
    throw Exception(Error{ErrorCode::kInvalidArgument,
                          fmt::format("a shard is a pair (i, n) with 0 <= i < n: ({}, {})", shard, num_shards)});
  }
  const Dataset::Rendition& found = find_rendition(dataset, rendition);
  ItemStream items;
  items.source = dataset.open(rendition, shard, num_shards);
  items.sample = calibration_items(dataset, found, choose_calibration(dataset, 0));
  return items;
}

ItemStream items_of_python(const nb::iterable& pictures, std::optional<std::int64_t> size) {
  ItemStream items;
  auto source = std::make_unique<PythonSource>(pictures, size, items.raised);
  items.sample = source->sample();
  items.source = std::move(source);
  return items;
}

}  // namespace

void bind_source(nb::module_& module) {
  nb::class_<Dataset>(module, "Dataset", "Items x renditions with optional labels and regions.")
      .def_ro("path", &Dataset::path)
      .def_prop_ro("renditions", renditions_of)
      .def_ro("item_ids", &Dataset::item_ids)
      .def_ro("labels", &Dataset::labels)
      .def_ro("models", &Dataset::models)
      .def_ro("num_passed_over", &Dataset::num_passed_over)
      .def(
          "locate",
          [](const Dataset& dataset, const std::string& rendition, const std::string& item_id) {
            return unwrap(dataset.locate(find_rendition(dataset, rendition), item_id));
          },
          "rendition"_a, "item_id"_a);
  module.def(
      "open_dataset",
      [](const std::string& path, const std::string& frames) {
        const nb::gil_scoped_release released;
        const CodecRegistry codecs = built_in_codecs();
        DatasetOptions options;
        if (!frames.empty()) options.frames = unwrap(parse_frame_sampling(frames));
        options.recognise = [&codecs](ByteView bytes) { return codecs.sniff(bytes) != nullptr; };
        return unwrap(open_dataset(path, options));
      },
      "path"_a, "frames"_a);
  // The constructor registers the class.  NOLINTNEXTLINE(bugprone-unused-raii)
  nb::class_<ItemStream>(module, "ItemStream", "The items of one run.");
  module.def("items_of_dataset", items_of_dataset, "dataset"_a, "rendition"_a, "shard"_a, "num_shards"_a,
             nb::call_guard<nb::gil_scoped_release>());
  module.def("items_of_python", items_of_python, "pictures"_a, "size"_a.none(),
             nb::sig("def items_of_python(pictures: collections.abc.Iterable[object], size: int | None) -> ItemStream"));
}

}  // namespace smol::python
