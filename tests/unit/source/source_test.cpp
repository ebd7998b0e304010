#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "smol/source.h"

namespace smol {
namespace {

TEST(SourceTest, ItemsAreGivenOnceToManyThreads) {
  std::vector<Item> items(1000);
  for (std::size_t i = 0; i < items.size(); ++i) items[i].id = std::to_string(i);
  const std::unique_ptr<Source> source = from_items(std::move(items));
  EXPECT_EQ(source->size(), 1000);
  std::mutex mutex;
  std::multiset<std::string> seen;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (auto item = source->next(); *item; item = source->next()) {
          const std::scoped_lock lock(mutex);
          seen.insert((*item)->id);
        }
      });
    }
  }
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 1000U);
}

TEST(SourceTest, GeneratorIsNeverCalledAgainAfterItsEnd) {
  int calls = 0;
  const std::unique_ptr<Source> source = from_generator([&]() -> std::optional<Item> {
    ++calls;
    return calls <= 2 ? std::optional<Item>(Item{}) : std::nullopt;
  });
  EXPECT_FALSE(source->size().has_value());
  for (int i = 0; i < 5; ++i) EXPECT_EQ((*source->next()).has_value(), i < 2);
  EXPECT_EQ(calls, 3);
}

TEST(SourceTest, ReadFileReportsWhatWentWrong) {
  std::vector<std::uint8_t> buffer;
  EXPECT_EQ(read_file("/nonexistent/file", buffer).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_file("/", buffer).error().code, ErrorCode::kIo);
  const std::string path = (std::filesystem::temp_directory_path() / ("smol-read-" + std::to_string(::getpid()))).string();
  std::ofstream(path) << "0123456789";
  EXPECT_EQ(read_file(path, buffer, 5).error().code, ErrorCode::kLimitExceeded);
  ASSERT_TRUE(read_file(path, buffer).ok());
  EXPECT_EQ(std::string(buffer.begin(), buffer.end()), "0123456789");
  EXPECT_GE(buffer.capacity(), 10U + 64U);
  std::filesystem::remove(path);
}

TEST(SourceTest, RangesOfFilesAndMemoryAreAlike) {
  const std::string path = (std::filesystem::temp_directory_path() / ("smol-range-" + std::to_string(::getpid()))).string();
  std::ofstream(path) << "0123456789";
  Item file, memory;
  file.path = path;
  memory.bytes = std::make_shared<std::vector<std::uint8_t>>(
      std::initializer_list<std::uint8_t>{'0', '1', '2', '3', '4', '5', '6', '7', '8', '9'});
  const std::unique_ptr<Source> source = from_items({});
  for (const Item& item : {file, memory}) {
    for (const auto& [offset, length, expected] :
         {std::tuple{0, 4, "0123"}, {7, 2, "78"}, {8, 100, "89"}, {10, 5, ""}, {50, 5, ""}, {3, 0, ""}}) {
      std::vector<std::uint8_t> buffer{9};
      ASSERT_TRUE(source->read_range(item, offset, length, buffer).ok());
      EXPECT_EQ(std::string(buffer.begin(), buffer.end()), expected);
      EXPECT_GE(buffer.capacity(), buffer.size() + 64);
    }
    std::vector<std::uint8_t> buffer;
    ASSERT_TRUE(source->read_range(item, 0, Source::kToTheEnd, buffer).ok());
    EXPECT_EQ(buffer.size(), 10U);
    EXPECT_EQ(source->read_range(item, -1, 5, buffer).error().code, ErrorCode::kInvalidArgument);
  }
  std::filesystem::remove(path);
  std::vector<std::uint8_t> buffer;
  EXPECT_EQ(source->read_range(file, 0, 5, buffer).error().code, ErrorCode::kNotFound);
}

TEST(SourceTest, FingerprintsFollowTheContent) {
  Item a, b;
  a.bytes = std::make_shared<std::vector<std::uint8_t>>(std::vector<std::uint8_t>{1, 2, 3});
  b.bytes = std::make_shared<std::vector<std::uint8_t>>(std::vector<std::uint8_t>{1, 2, 4});
  EXPECT_NE(fingerprint_of(a), fingerprint_of(b));
  b.bytes = std::make_shared<std::vector<std::uint8_t>>(std::vector<std::uint8_t>{1, 2, 3});
  EXPECT_EQ(fingerprint_of(a), fingerprint_of(b));
  Item missing;
  missing.path = "/nonexistent/file";
  EXPECT_EQ(fingerprint_of(missing), "missing");
}

}  // namespace
}  // namespace smol
