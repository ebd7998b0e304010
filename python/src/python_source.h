#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "binding.h"

namespace smol::python {

/// A source over a Python iterable of pictures: paths, or pairs (id, path | bytes | array). The workers of a run take items
/// with the GIL, one at a time. What the iterator raises ends the run and is kept for the caller's thread.
class PythonSource final : public Source {
 public:
  /// Takes the first item at once: plans are made by looking at it. Made with the GIL.
  PythonSource(const nb::iterable& pictures, std::optional<std::int64_t> size, std::shared_ptr<RaisedError> raised);
  ~PythonSource() override;
  PythonSource(const PythonSource&) = delete;
  PythonSource& operator=(const PythonSource&) = delete;

  Result<std::optional<Item>> next() override;
  [[nodiscard]] std::optional<std::int64_t> size() const override { return size_; }
  /// The first item, if there is one.
  [[nodiscard]] std::vector<Item> sample() const;

 private:
  std::optional<Item> take_with_gil();

  std::mutex mutex_;  // a generator must not be entered twice; taken before the GIL
  nb::object iterator_;
  std::optional<Item> first_;
  std::int64_t count_ = 0;
  bool ended_ = false;
  const std::optional<std::int64_t> size_;
  const std::shared_ptr<RaisedError> raised_;
};

/// The items of one run, as Python holds them until the run takes them.
struct ItemStream {
  std::unique_ptr<Source> source;
  std::vector<Item> sample;  ///< what its pictures are like
  std::shared_ptr<RaisedError> raised = std::make_shared<RaisedError>();
};

}  // namespace smol::python
