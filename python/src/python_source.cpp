#include "python_source.h"

#include <fmt/format.h>

#include "picture.h"

namespace smol::python {
namespace {

// What is not a picture at all is the caller's mistake and ends the run; a picture that cannot be decoded gets its row.
Item to_item(nb::handle entry, std::int64_t position) {
  Item item;
  nb::handle picture = entry;
  if (nb::isinstance<nb::tuple>(entry)) {
    const auto pair = nb::borrow<nb::tuple>(entry);
    if (pair.size() != 2 || !nb::isinstance<nb::str>(pair[0])) {
      throw Exception(Error{ErrorCode::kInvalidArgument,
                            fmt::format("an item is a path or a pair (id, picture) with a text as id: item {}", position)});
    }
    item.id = nb::cast<std::string>(pair[0]);
    picture = pair[1];
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
