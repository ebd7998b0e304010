#include "cli/array_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>

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
  std::ofstream file(path, std::ios::binary);
  file.write("\x93NUMPY\x01\x00", 8);
  const char length[2] = {static_cast<char>(header.size() & 0xFF), static_cast<char>(header.size() >> 8)};
  file.write(length, 2);
  file.write(header.data(), static_cast<std::streamsize>(header.size()));
  file.write(static_cast<const char*>(tensor.data), static_cast<std::streamsize>(tensor.size_bytes()));
  file.close();
  if (file.fail()) return Error{ErrorCode::kIo, "cannot write file: " + path, Stage::kWrite};
  return {};
}

}  // namespace smol::cli
