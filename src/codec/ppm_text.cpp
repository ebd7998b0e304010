#include "codec/ppm_text.h"

namespace smol {

bool PpmText::skip_space() {
  for (; at_ < bytes_.size(); ++at_) {
    if (bytes_[at_] == '#') {
      while (at_ < bytes_.size() && bytes_[at_] != '\n' && bytes_[at_] != '\r') ++at_;
      if (at_ == bytes_.size()) break;
    } else if (!is_ppm_space(bytes_[at_])) {
      return true;
    }
  }
  end_ = End::kTruncated;
  return false;
}

std::optional<unsigned> PpmText::number(unsigned most) {
  if (end_ != End::kNone || !skip_space()) return std::nullopt;
  std::uint64_t value = 0;
  const std::size_t start = at_;
  for (; at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9'; ++at_) {
    value = value * 10 + (bytes_[at_] - '0');
    if (value > most) break;
  }
  const bool ended_well = at_ == bytes_.size() || is_ppm_space(bytes_[at_]) || bytes_[at_] == '#';
  if (at_ == start || value > most || !ended_well) {
    end_ = End::kCorrupt;
    return std::nullopt;
  }
  if (at_ == bytes_.size() && value > 0 && value * 10 <= most) {
    end_ = End::kTruncated;
    return std::nullopt;
  }
  return static_cast<unsigned>(value);
}

std::optional<unsigned> PpmText::bit() {
  if (end_ != End::kNone || !skip_space()) return std::nullopt;
  const std::uint8_t digit = bytes_[at_];
  if (digit != '0' && digit != '1') {
    end_ = End::kCorrupt;
    return std::nullopt;
  }
  ++at_;
  return digit - '0';
}

}  // namespace smol
