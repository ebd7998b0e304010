#include "smol/result.h"

#include <array>

namespace smol {
namespace {

struct CodeText {
  std::string_view name, sentence;
};
constexpr std::array<CodeText, kNumErrorCodes> kCodes{{
    {"invalid_argument", "An argument, option or file of the caller is wrong."},
    {"not_found", "A file, model, plan or item that was named does not exist."},
    {"limit_exceeded", "A declared limit was passed; the message says how to raise it."},
    {"not_built", "The feature was left out of this build; the message names the remedy."},
    {"unsupported", "The input is valid, but nothing here can handle it."},
    {"corrupt", "The bytes violate their format."},
    {"truncated", "The bytes end too early."},
    {"io", "Reading or writing failed; it may work when tried again."},
    {"out_of_memory", "Memory, or the memory budget, is exhausted."},
    {"device", "An accelerator failed or was lost."},
    {"cancelled", "The work was stopped on request."},
    {"timeout", "A deadline passed."},
    {"internal", "A bug in smol; please report it."},
}};
constexpr std::array<std::string_view, kNumStages> kStages{"none",  "read",        "decode",    "preprocess", "transfer",
                                                           "infer", "postprocess", "write",     "receive",    "parse",
                                                           "queue", "batch_wait",  "serialise", "send"};

}  // namespace

std::string_view name_of(ErrorCode code) { return kCodes.at(static_cast<std::size_t>(code)).name; }
std::string_view name_of(Stage stage) { return kStages.at(static_cast<std::size_t>(stage)); }
std::string_view describe(ErrorCode code) { return kCodes.at(static_cast<std::size_t>(code)).sentence; }

bool is_retryable(ErrorCode code) {
  return code == ErrorCode::kIo || code == ErrorCode::kDevice || code == ErrorCode::kTimeout ||
         code == ErrorCode::kOutOfMemory;
}

int exit_code_of(ErrorCode code) { return code == ErrorCode::kInvalidArgument ? 2 : 1; }

std::string Error::to_string() const {
  std::string text(name_of(code));
  if (stage != Stage::kNone) {
    text += " (";
    text += name_of(stage);
    text += ")";
  }
  return text + ": " + message;
}

}  // namespace smol
