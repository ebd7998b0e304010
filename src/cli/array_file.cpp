#include "cli/array_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/output_file.h"

namespace smol::cli {
namespace {

Result<std::string> descriptor_of(DType dtype) {
  switch (dtype) {
    case DType::kU8:
      return std::string("|u1");
    case DType::kI8:
      return std::string("|i1");
    case DType::kI32:
      return std::string("<i4");
    case DType::kI64:
      return std::string("<i8");
    case DType::kF16:
      return std::string("<f2");
    case DType::kF32:
      return std::string("<f4");
    case DType::kBF16:
      break;
  }
  return Error{ErrorCode::kUnsupported, fmt::format("NumPy files cannot hold {}", name_of(dtype)), Stage::kWrite};
}

}  // namespace

Status write_npy(const std::string& path, const TensorView& tensor) {
  SMOL_ASSIGN_OR_RETURN(const std::string descriptor, descriptor_of(tensor.dtype));
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({},), }}", descriptor, fmt::join(tensor.shape, ", "));
  // Magic, version and length take 10 bytes; the data begin at a multiple of 64.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  const char length[2] = {static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  return write_file(
      path, {{"\x93NUMPY\x01\x00", 8}, {length, 2}, header, {static_cast<const char*>(tensor.data), tensor.size_bytes()}});
}

}  // namespace smol::cli
