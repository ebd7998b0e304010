#include "planner/answer_cache.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "temporary_folder.h"

namespace smol {
namespace {

using testing::TemporaryFolder;

std::string only_file(const std::string& folder) { return std::filesystem::directory_iterator(folder)->path().string(); }

TEST(AnswerCacheTest, FindsWhatWasSaved) {
  const TemporaryFolder folder;
  const std::string odd = "a\tb\\n\nc";
  {
    AnswerCache cache(folder.path("cache"), "key");
    cache.add("a.jpg", "", "1-2", 7);
    cache.add(odd, "left\t", "3", -1);
    ASSERT_TRUE(cache.save().ok());
  }
  const AnswerCache cache(folder.path("cache"), "key");
  ASSERT_NE(cache.find("a.jpg", "", "1-2"), nullptr);
  EXPECT_EQ(*cache.find("a.jpg", "", "1-2"), 7);
  ASSERT_NE(cache.find(odd, "left\t", "3"), nullptr);
  EXPECT_EQ(*cache.find(odd, "left\t", "3"), -1);
  EXPECT_EQ(cache.find("a.jpg", "", "1-3"), nullptr);  // the file changed
  EXPECT_EQ(cache.find("a.jpg\t", "", "1-2"), nullptr);
  EXPECT_EQ(AnswerCache(folder.path("cache"), "other").find("a.jpg", "", "1-2"), nullptr);
}

TEST(AnswerCacheTest, BelievesNothingThatIsDamaged) {
  const TemporaryFolder folder;
  AnswerCache cache(folder.path("cache"), "key");
  cache.add("a.jpg", "", "1", 7);
  cache.add("b.jpg", "", "1", 8);
  ASSERT_TRUE(cache.save().ok());
  const std::string file = only_file(folder.path("cache"));
  std::string text;
  std::getline(std::ifstream(file), text, '\0');
  std::ofstream(file) << text.substr(0, text.size() - 1) << "x\nnonsense\n\t\t\t\n";
  const AnswerCache damaged(folder.path("cache"), "key");
  EXPECT_EQ((damaged.find("a.jpg", "", "1") != nullptr) + (damaged.find("b.jpg", "", "1") != nullptr), 1);
  std::ofstream(file) << "smol answers 1 another key\n" << text.substr(text.find('\n') + 1);
  EXPECT_EQ(AnswerCache(folder.path("cache"), "key").find("a.jpg", "", "1"), nullptr);
}

TEST(AnswerCacheTest, WithoutAFolderNothingIsKept) {
  AnswerCache cache("", "key");
  cache.add("a.jpg", "", "1", 7);
  EXPECT_EQ(cache.find("a.jpg", "", "1"), nullptr);
  EXPECT_TRUE(cache.save().ok());
}

}  // namespace
}  // namespace smol
