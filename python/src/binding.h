#pragma once
/// What the bindings share. One file of bindings for each public header; each fills the module.

#include <nanobind/nanobind.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "smol/session.h"

namespace smol::python {

namespace nb = nanobind;
using namespace nb::literals;

using UserOperators = std::vector<std::shared_ptr<const UserOperator>>;

void bind_result(nb::module_& module);
void bind_codec(nb::module_& module);
void bind_video(nb::module_& module);
void bind_backend(nb::module_& module);
void bind_model(nb::module_& module);
void bind_preprocess(nb::module_& module);
void bind_plan(nb::module_& module);
void bind_source(nb::module_& module);
void bind_arrow(nb::module_& module);
void bind_session(nb::module_& module);

/// The value, or the error as an exception (result.cpp makes it one of Python's).
template <typename T>
T unwrap(Result<T> result) {
  if constexpr (std::is_void_v<T>) {
    result.value();
  } else {
    return std::move(result).value();
  }
}

/// An exception of Python code that C++ called on one of its threads, kept until the caller's thread can raise it.
/// Thread-safe; made, asked and destroyed in any thread.
class RaisedError {
 public:
  RaisedError() = default;
  RaisedError(const RaisedError&) = delete;
  RaisedError& operator=(const RaisedError&) = delete;
  ~RaisedError();

  /// Keeps the first. The GIL is held.
  void keep(nb::python_error&& error);
  /// Raises it once. The GIL is held.
  void raise_if_any();

 private:
  std::mutex mutex_;
  std::unique_ptr<nb::python_error> error_;
};

/// How often a waiting call looks whether Ctrl-C was pressed.
inline constexpr std::chrono::milliseconds kSignalInterval{50};

/// Runs `work(stop_token)` on a thread of its own and waits without the GIL. Ctrl-C requests a stop, waits for the work to
/// end and raises KeyboardInterrupt. Called with the GIL.
template <typename Work>
auto run_interruptibly(Work work) {
  std::stop_source stop;
  std::packaged_task<std::invoke_result_t<Work, std::stop_token>()> task([&] { return work(stop.get_token()); });
  auto result = task.get_future();
  const nb::gil_scoped_release released;
  std::jthread thread(std::ref(task));
  while (result.wait_for(kSignalInterval) != std::future_status::ready) {
    const nb::gil_scoped_acquire acquired;
    if (PyErr_CheckSignals() == 0) continue;
    nb::python_error raised;
    stop.request_stop();
    const nb::gil_scoped_release released_again;
    thread.join();
    throw raised;
  }
  thread.join();
  return result.get();
}

/// The codecs of this process; immutable, lives as long as it. Without the rest of a runtime, which loads the backends.
[[nodiscard]] const CodecRegistry& shared_codecs();
/// The tables of this process, with these operators. Without operators it is always the same one.
[[nodiscard]] std::shared_ptr<const Runtime> runtime_with(UserOperators user_operators);

}  // namespace smol::python
