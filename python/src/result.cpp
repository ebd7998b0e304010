// smol/result.h: errors become the exceptions of smol.errors.
#include "binding.h"
#include "smol/version.h"

namespace smol::python {
namespace {

/// Sets the Python exception for `error`: smol.errors.from_code(code, message, stage).
void set_python_error(const Error& error) {
  const nb::object exception =
      nb::module_::import_("smol.errors")
          .attr("from_code")(nb::cast(name_of(error.code)), nb::cast(error.message), nb::cast(name_of(error.stage)));
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
}

void translate(const std::exception_ptr& thrown, void* /*payload*/) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Exception& exception) {
    set_python_error(exception.error());
  }
}

}  // namespace

RaisedError::~RaisedError() {
  if (!error_) return;
  const nb::gil_scoped_acquire acquired;
  error_.reset();
}

void RaisedError::keep(nb::python_error&& error) {
  const std::scoped_lock lock(mutex_);
  if (!error_) error_ = std::make_unique<nb::python_error>(std::move(error));
}

void RaisedError::raise_if_any() {
  std::unique_ptr<nb::python_error> error;
  {
    const std::scoped_lock lock(mutex_);
    std::swap(error, error_);
  }
  if (error) throw nb::python_error(std::move(*error));
}

void bind_result(nb::module_& module) {
  nb::register_exception_translator(translate);
  module.attr("VERSION") = SMOL_VERSION;
  module.def(
      "error_codes",
      [] {
        std::vector<std::string> names;
        names.reserve(kNumErrorCodes);
        for (int code = 0; code < kNumErrorCodes; ++code) names.emplace_back(name_of(static_cast<ErrorCode>(code)));
        return names;
      },
      "The closed list of error codes.");
  module.def(
      "is_retryable",
      [](const std::string& name) {
        for (int code = 0; code < kNumErrorCodes; ++code) {
          if (name_of(static_cast<ErrorCode>(code)) == name) return is_retryable(static_cast<ErrorCode>(code));
        }
        throw Exception(Error{ErrorCode::kInvalidArgument, "not an error code: " + name});
      },
      "code"_a, "Whether trying the same operation again may succeed.");
}

}  // namespace smol::python
