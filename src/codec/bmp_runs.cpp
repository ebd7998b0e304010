#include "codec/bmp_runs.h"

#include <algorithm>
#include <cstring>

#include "codec/pixel_rows.h"
#include "codec/still_rows.h"

namespace smol {
namespace {

class RunReader {
 public:
  RunReader(ByteView data, const BmpHeader& bmp, std::uint8_t* indices)
      : data_(data),
        indices_(indices),
        width_(static_cast<std::size_t>(bmp.header.width)),
        height_(static_cast<std::size_t>(bmp.header.height)),
        nibbles_(bmp.compression == BmpCompression::kRle4) {}

  Result<int> run(const std::stop_token& stop, Faults& faults) {
    while (state_ == State::kGoing && y_ < height_) {
      if (x_ == 0 && y_ % 64 == 0 && stop.stop_requested()) return cancelled_error();
      read_code();
    }
    if (outside_) SMOL_RETURN_IF_ERROR(faults.note(Fault::kRecovered, "a run of pixels beyond its row"));
    if (state_ == State::kOutOfData && x_ == width_) ++y_;
    return static_cast<int>(state_ == State::kOutOfData ? std::min(y_, height_) : height_);
  }

 private:
  enum class State : std::uint8_t { kGoing, kEnded, kOutOfData };

  void read_code() {
    constexpr std::uint8_t kEndOfRow = 0, kEndOfPicture = 1, kMove = 2;
    if (left() < 2) return stop_at(State::kOutOfData);
    const std::uint8_t count = data_[at_], value = data_[at_ + 1];
    at_ += 2;
    if (count > 0) return repeat(count, value);
    if (value == kEndOfPicture) return stop_at(State::kEnded);
    if (value > kMove) return copy(value);
    if (value == kEndOfRow) {
      x_ = 0;
      ++y_;
      return;
    }
    if (left() < 2) return stop_at(State::kOutOfData);
    x_ += data_[at_];
    y_ += data_[at_ + 1];
    at_ += 2;
    if (x_ <= width_) return;
    // As Pillow has it: on in the row above.
    y_ += x_ / width_;
    x_ %= width_;
  }

  void repeat(std::size_t count, std::uint8_t value) {
    std::uint8_t* const row = indices_ + y_ * width_;
    const std::size_t fitting = std::min(count, width_ - x_);
    outside_ = outside_ || fitting < count;
    if (!nibbles_) {
      std::memset(row + x_, value, fitting);
    } else {
      for (std::size_t i = 0; i < fitting; ++i) row[x_ + i] = i % 2 == 0 ? value >> 4 : value & 15;
    }
    x_ += fitting;
  }

  void copy(std::size_t count) {
    const std::size_t num_bytes = nibbles_ ? (count + 1) / 2 : count;
    if (left() < num_bytes) return stop_at(State::kOutOfData);
    std::uint8_t* const row = indices_ + y_ * width_;
    const std::size_t fitting = std::min(count, width_ - x_);
    outside_ = outside_ || fitting < count;
    if (!nibbles_) {
      std::memcpy(row + x_, &data_[at_], fitting);
    } else {
      unpack_samples(&data_[at_], static_cast<int>(fitting), 4, row + x_);
    }
    x_ += fitting;
    // Padded to 16 bits; the last run may lack the padding.
    at_ = std::min(data_.size(), at_ + (num_bytes + 1) / 2 * 2);
  }

  void stop_at(State state) { state_ = state; }
  [[nodiscard]] std::size_t left() const { return data_.size() - at_; }

  ByteView data_;
  std::uint8_t* indices_;
  std::size_t width_, height_, x_ = 0, y_ = 0, at_ = 0;
  bool nibbles_, outside_ = false;
  State state_ = State::kGoing;
};

}  // namespace

Result<int> unpack_bmp_runs(ByteView bytes, const BmpHeader& bmp, const std::stop_token& stop, Faults& faults,
                            std::uint8_t* indices) {
  const std::size_t size = static_cast<std::size_t>(bmp.header.width) * static_cast<std::size_t>(bmp.header.height);
  std::memset(indices, 0, size);
  return RunReader(bytes.subspan(std::min(bytes.size(), bmp.pixels_offset)), bmp, indices).run(stop, faults);
}

}  // namespace smol
