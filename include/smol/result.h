#pragma once
/// Errors as values: `Error`, `Status` and `Result<T>`. The library never prints, aborts or exits.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace smol {

/// The closed list of error codes, grouped by who must act.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,  ///< caller: an argument, option or file written by the user is wrong
  kNotFound,         ///< caller: a named file, model, plan or item does not exist
  kLimitExceeded,    ///< caller: a declared limit (pixels, bytes, failures) was passed; the message says how to raise it
  kNotBuilt,         ///< build: the feature exists but was left out of this build
  kUnsupported,      ///< build: valid input that no component here can handle
  kCorrupt,          ///< data: the bytes violate their format
  kTruncated,        ///< data: the bytes end too early
  kIo,               ///< machine: reading or writing failed
  kOutOfMemory,      ///< machine: memory or the `--memory` budget is exhausted
  kDevice,           ///< machine: an accelerator failed or was lost
  kCancelled,        ///< control: stopped on request
  kTimeout,          ///< control: a deadline passed
  kInternal,         ///< us: a bug in smol
};
inline constexpr int kNumErrorCodes = 13;

/// Where an item was when something happened; also the names of the timed stages.
enum class Stage : std::uint8_t {
  kNone,
  kRead,
  kDecode,
  kPreprocess,
  kTransfer,
  kInfer,
  kPostprocess,
  kWrite,
  kReceive,
  kParse,
  kQueue,
  kBatchWait,
  kSerialise,
  kSend,
};
inline constexpr int kNumStages = 14;

/// Stable lower-case names, as written to Parquet and JSON: "corrupt", "decode", ...
[[nodiscard]] std::string_view name_of(ErrorCode code);
[[nodiscard]] std::string_view name_of(Stage stage);
/// One sentence saying what the code means and who must act.
[[nodiscard]] std::string_view describe(ErrorCode code);
/// Whether trying the same operation again may succeed.
[[nodiscard]] bool is_retryable(ErrorCode code);
/// Process exit code: 2 for kInvalidArgument (usage), 1 otherwise.
[[nodiscard]] int exit_code_of(ErrorCode code);

/// What failed. `message` says what failed, what is allowed or what to do, values last.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  Stage stage = Stage::kNone;

  /// "corrupt (decode): message"
  [[nodiscard]] std::string to_string() const;
};

/// Thrown only by `Result::value()` and by the Python layer.
class Exception : public std::runtime_error {
 public:
  explicit Exception(Error error) : std::runtime_error(error.to_string()), error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

/// A `T` or an `Error`. `operator bool` tells which; `value()` throws `smol::Exception` on error,
/// `error()` and `operator*` must only be called on the side that is there.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

  [[nodiscard]] const Error& error() const& { return *std::get_if<1>(&state_); }
  [[nodiscard]] Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

  T& value() & {
    if (!ok()) throw Exception(error());
    return **this;
  }
  T&& value() && {
    if (!ok()) throw Exception(error());
    return std::move(**this);
  }
  [[nodiscard]] T value_or(T fallback) && { return ok() ? std::move(**this) : std::move(fallback); }

 private:
  std::variant<T, Error> state_;
};

/// Success or an `Error`.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] const Error& error() const& { return *error_; }
  [[nodiscard]] Error&& error() && { return *std::move(error_); }
  void value() const {
    if (!ok()) throw Exception(*error_);
  }

 private:
  std::optional<Error> error_;
};
using Status = Result<void>;

/// Returns the error of `expression` (a Status or Result) to the caller, if there is one.
#define SMOL_RETURN_IF_ERROR(expression)                        \
  do {                                                          \
    if (auto smol_status_ = (expression); !smol_status_.ok()) { \
      return std::move(smol_status_).error();                   \
    }                                                           \
  } while (false)

#define SMOL_CONCAT_INNER_(a, b) a##b
#define SMOL_CONCAT_(a, b) SMOL_CONCAT_INNER_(a, b)
/// `SMOL_ASSIGN_OR_RETURN(auto x, f());` declares x or returns the error.
#define SMOL_ASSIGN_OR_RETURN(declaration, expression)              \
  auto SMOL_CONCAT_(smol_result_, __LINE__) = (expression);         \
  if (!SMOL_CONCAT_(smol_result_, __LINE__).ok()) {                 \
    return std::move(SMOL_CONCAT_(smol_result_, __LINE__)).error(); \
  }                                                                 \
  declaration = *std::move(SMOL_CONCAT_(smol_result_, __LINE__))

}  // namespace smol
