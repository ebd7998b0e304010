#include "python_source.h"

#include <fmt/format.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/map.h>

#include <array>
#include <map>

#include "picture.h"

namespace smol::python {
namespace {

// {name: (x, y, width, height)}
std::vector<Region> to_regions(nb::handle entry, std::int64_t position) {
  std::vector<Region> regions;
  std::map<std::string, std::array<int, 4>> given;
  if (!nb::try_cast(entry, given)) {
    throw Exception(
        Error{ErrorCode::kInvalidArgument,
              fmt::format("regions are a dict of names to (x, y, width, height) in whole pixels: item {}", position)});
  }
  for (const auto& [name, rect] : given) {
    if (rect[2] <= 0 || rect[3] <= 0) {
      throw Exception(Error{ErrorCode::kInvalidArgument,
                            fmt::format("a region's width and height must be positive: item {}, region '{}', {}x{}",
                                        position, name, rect[2], rect[3])});
    }
    regions.push_back({name, {rect[0], rect[1], rect[2], rect[3]}});
  }
  return regions;
}

Size to_full_size(nb::handle entry, std::int64_t position) {
  std::array<int, 2> size{};
  if (!nb::try_cast(entry, size) || size[0] <= 0 || size[1] <= 0) {
    throw Exception(Error{ErrorCode::kInvalidArgument,
                          fmt::format("the full size of an item is a positive pair (width, height): item {}", position)});
  }
  return {size[0], size[1]};
}

// What is not a picture at all is the caller's mistake and ends the run; a picture that cannot be decoded gets its row.
Item to_item(nb::handle entry, std::int64_t position) {
  Item item;
  nb::handle picture = entry;
  if (nb::isinstance<nb::tuple>(entry)) {
    const auto fields = nb::borrow<nb::tuple>(entry);
    if (fields.size() < 2 || fields.size() > 4 || !nb::isinstance<nb::str>(fields[0])) {
      throw Exception(Error{ErrorCode::kInvalidArgument,
                            fmt::format("an item is a path, or a tuple (id, picture[, regions[, full_size]]) with a text as "
                                        "id: item {}",
                                        position)});
    }
    item.id = nb::cast<std::string>(fields[0]);
    picture = fields[1];
    if (fields.size() > 2) item.regions = to_regions(fields[2], position);
    if (fields.size() > 3) item.full_size = to_full_size(fields[3], position);
  }
  const PictureInput input = unwrap(PictureInput::from(picture));
  unwrap(input.copy_into(item));
  if (item.id.empty()) item.id = item.path;
  if (item.id.empty()) {
    throw Exception(Error{ErrorCode::kInvalidArgument,
                          fmt::format("bytes and arrays need an id, give pairs (id, picture): item {}", position)});
  }
  return item;
}

}  // namespace

PythonSource::PythonSource(const nb::iterable& pictures, std::optional<std::int64_t> size,
                           std::shared_ptr<RaisedError> raised)
    : iterator_(nb::iter(pictures)), size_(size), raised_(std::move(raised)) {
  first_ = take_with_gil();
}

PythonSource::~PythonSource() {
  const nb::gil_scoped_acquire acquired;
  iterator_.reset();
}

std::vector<Item> PythonSource::sample() const {
  std::vector<Item> items;
  if (first_) items.push_back(*first_);
  return items;
}

std::optional<Item> PythonSource::take_with_gil() {
  const nb::object entry = nb::steal(PyIter_Next(iterator_.ptr()));
  if (entry.is_valid()) return to_item(entry, count_++);
  ended_ = true;
  if (PyErr_Occurred() != nullptr) throw nb::python_error();
  return std::nullopt;
}

Result<std::optional<Item>> PythonSource::next() {
  const std::scoped_lock lock(mutex_);
  if (first_) return std::exchange(first_, std::nullopt);
  if (ended_) return std::optional<Item>{};
  const nb::gil_scoped_acquire acquired;
  try {
    return take_with_gil();
  } catch (nb::python_error& error) {
    raised_->keep(std::move(error));
    ended_ = true;
    return Error{ErrorCode::kCancelled, "the iterator of the source raised an exception", Stage::kRead};
  } catch (const Exception& exception) {
    ended_ = true;
    return exception.error();
  }
}

}  // namespace smol::python
