#include "codec/video/packet_reference.h"

#include <gtest/gtest.h>

namespace smol {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Syntax = PacketReference::Syntax;

bool is_reference(Syntax syntax, const Bytes& packet, const Bytes& configuration = {}) {
  return PacketReference(syntax, configuration).may_be_reference(packet);
}

TEST(PacketReferenceTest, SlicesTellBehindStartCodes) {
  EXPECT_TRUE(is_reference(Syntax::kH264, {0, 0, 0, 1, 0x65, 9, 9}));
  EXPECT_FALSE(is_reference(Syntax::kH264, {0, 0, 1, 0x01, 9, 9}));
  EXPECT_FALSE(is_reference(Syntax::kH264, {0, 0, 1, 0x67, 9, 0, 0, 1, 0x06, 5, 0, 0, 1, 0x01, 9})) << "after other units";
  EXPECT_TRUE(is_reference(Syntax::kHevc, {0, 0, 1, 0x02, 1, 9}));
  EXPECT_FALSE(is_reference(Syntax::kHevc, {0, 0, 1, 0x46, 1, 0, 0, 1, 0x00, 1, 9}));
  EXPECT_TRUE(is_reference(Syntax::kHevc, {0, 0, 1, 0x28, 1, 9})) << "key pictures have even types, too";
  EXPECT_TRUE(is_reference(Syntax::kMpeg2, {0, 0, 1, 0x00, 0, 0x10, 9}));
  EXPECT_FALSE(is_reference(Syntax::kMpeg2, {0, 0, 1, 0x00, 0, 0x18, 9}));
  EXPECT_TRUE(is_reference(Syntax::kMpeg4, {0, 0, 1, 0xB6, 0x50}));
  EXPECT_FALSE(is_reference(Syntax::kMpeg4, {0, 0, 1, 0xB6, 0x90}));
}

TEST(PacketReferenceTest, SlicesTellBehindLengths) {
  const Bytes avc{1, 100, 0, 30, 0xFD};  // two bytes of length
  EXPECT_FALSE(is_reference(Syntax::kH264, {0, 2, 0x06, 5, 0, 3, 0x01, 9, 9}, avc));
  EXPECT_TRUE(is_reference(Syntax::kH264, {0, 2, 0x06, 5, 0, 3, 0x41, 9, 9}, avc));
  Bytes hevc(23, 1);
  hevc[21] = 0x0F;
  EXPECT_FALSE(is_reference(Syntax::kHevc, {0, 0, 0, 3, 0x10, 1, 9}, hevc));
}

TEST(PacketReferenceTest, WhatIsNotKnownMayBeOne) {
  EXPECT_TRUE(is_reference(Syntax::kUnknown, {0, 0, 1, 0x01}));
  for (const Syntax syntax : {Syntax::kH264, Syntax::kHevc, Syntax::kMpeg2, Syntax::kMpeg4}) {
    for (const Bytes& packet : {Bytes{}, Bytes{0}, Bytes{0, 0, 1}, Bytes{7, 7, 7, 7, 7}, Bytes{0xFF, 0xFF, 0xFF, 0xFF, 1}})
      EXPECT_TRUE(is_reference(syntax, packet));
  }
  EXPECT_TRUE(is_reference(Syntax::kH264, {0xFF, 0xFF}, {1, 100, 0, 30, 0xFD}));
}

}  // namespace
}  // namespace smol
