#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>

#include "smol/source.h"
#include "source/archive.h"
#include "source/archive_folder.h"
#include "source/join_key.h"
#include "source/store.h"

namespace smol {
namespace {
namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

/// An archive in memory that says how much was read of it.
class MemoryFile final : public RandomAccess {
 public:
  MemoryFile(std::string path, Bytes bytes) : path_(std::move(path)), bytes_(std::move(bytes)) {}
  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::int64_t size_bytes() const override { return std::ssize(bytes_); }
  [[nodiscard]] std::string fingerprint() const override { return "memory"; }
  [[nodiscard]] Result<std::int64_t> read_at(std::int64_t offset, std::span<std::uint8_t> into) const override {
    if (offset < 0) return Error{ErrorCode::kInternal, "read in front of the file"};
    const std::int64_t begin = std::min(offset, size_bytes());
    const std::int64_t size = std::min(std::ssize(into), size_bytes() - begin);
    std::copy_n(bytes_.begin() + begin, size, into.begin());
    return size;
  }

 private:
  std::string path_;
  Bytes bytes_;
};

// Python's own modules pack; a script prints the archive's name.
class ArchiveTest : public ::testing::Test {
 protected:
  ArchiveTest() : folder_(fs::temp_directory_path() / ("smol-archive-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~ArchiveTest() override { fs::remove_all(folder_); }

  Bytes pack(const std::string& script) {
    const std::string path = (folder_ / "archive").string(), program = (folder_ / "pack.py").string();
    std::ofstream(program) << "import io, tarfile, zipfile, random\npath = '" << path << "'\n" << script;
    EXPECT_EQ(std::system((std::string(SMOL_PYTHON) + " " + program).c_str()), 0);
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  Bytes pack_tar() {
    return pack(
        "with tarfile.open(path, 'w', format=tarfile.PAX_FORMAT) as t:\n"
        "  for i in range(20):\n"
        "    info = tarfile.TarInfo('x' * (i * 12) + f'{i}.jpg'); info.size = i * 100; info.mtime = i + 0.5\n"
        "    t.addfile(info, io.BytesIO(bytes([i]) * info.size))\n");
  }
  Bytes pack_zip() {
    return pack(
        "with zipfile.ZipFile(path, 'w') as z:\n"
        "  for i in range(20):\n"
        "    method = zipfile.ZIP_DEFLATED if i % 2 else zipfile.ZIP_STORED\n"
        "    info = zipfile.ZipInfo(f'd/{i}.jpg'); info.compress_type = method\n"
        "    with z.open(info, 'w', force_zip64=i % 3 == 0) as f: f.write(bytes([i]) * i * 100)\n");
  }

  fs::path folder_;
};

Result<std::shared_ptr<const Store>> open_bytes(Bytes bytes, const std::string& name) {
  return open_archive(std::make_shared<MemoryFile>(name, std::move(bytes)), name);
}

TEST_F(ArchiveTest, MembersHaveTheBytesThatWerePacked) {
  for (const auto& [name, bytes] : {std::pair("a.tar", pack_tar()), std::pair("a.zip", pack_zip())}) {
    const std::shared_ptr<const Store> store = open_bytes(bytes, name).value();
    ASSERT_EQ(store->size(), 20) << name;
    Bytes buffer;
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(store->id_of(i).ends_with(std::to_string(i) + ".jpg"));
      EXPECT_EQ(store->facts_of(i).size_bytes, i * 100);
      ASSERT_TRUE(store->read_range(i, 0, Source::kToTheEnd, buffer).ok());
      EXPECT_EQ(buffer, Bytes(static_cast<std::size_t>(i) * 100, static_cast<std::uint8_t>(i))) << name;
      ASSERT_TRUE(store->read_range(i, 90, 20, buffer).ok());
      EXPECT_EQ(std::ssize(buffer), i == 0 ? 0 : i == 1 ? 10 : 20) << name << i;
      ASSERT_TRUE(store->read_range(i, 1'000'000, 5, buffer).ok());
      EXPECT_TRUE(buffer.empty());
    }
  }
}

TEST_F(ArchiveTest, ContentsOfOneSizeHaveTheirOwnFingerprints) {
  const std::string tar =
      "with tarfile.open(path, 'w') as t:\n"
      "  for n in 'ab':\n"
      "    info = tarfile.TarInfo(n); info.size = 3\n"
      "    t.addfile(info, io.BytesIO(n.encode() * 3))\n";
  const std::shared_ptr<const Store> tarred = open_bytes(pack(tar), "a.tar").value();
  EXPECT_NE(tarred->facts_of(0).fingerprint, tarred->facts_of(1).fingerprint);
  const std::string zip = "with zipfile.ZipFile(path, 'w') as z:\n  z.writestr('a', 'xyz'); z.writestr('b', 'zyx')\n";
  const std::shared_ptr<const Store> zipped = open_bytes(pack(zip), "a.zip").value();
  EXPECT_NE(zipped->facts_of(0).fingerprint, zipped->facts_of(1).fingerprint);
}

TEST_F(ArchiveTest, NumbersBeyondTheOldLimitsAreRead) {
  // 70,000 members need zip64's own end record.
  const std::string many =
      "with zipfile.ZipFile(path, 'w') as z:\n  for i in range(70000): z.writestr(f'{i}.jpg', str(i))\n";
  const std::shared_ptr<const Store> store = open_bytes(pack(many), "a.zip").value();
  ASSERT_EQ(store->size(), 70'000);
  Bytes buffer;
  ASSERT_TRUE(store->read_range(69'999, 0, Source::kToTheEnd, buffer).ok());
  EXPECT_EQ(std::string(buffer.begin(), buffer.end()), "69999");
  EXPECT_EQ(store->index().find("a.zip!12345.jpg"), 12345);
  EXPECT_EQ(store->index().find("a.zip!nobody.jpg"), -1);
  // A size of more than 8 GB is no octal text; the member is cut off, its header is not.
  const std::string large =
      "info = tarfile.TarInfo('large.jpg'); info.size = 9 << 30\n"
      "open(path, 'wb').write(info.tobuf(tarfile.GNU_FORMAT) + b'12345')\n";
  const std::shared_ptr<const Store> cut = open_bytes(pack(large), "a.tar").value();
  ASSERT_EQ(cut->size(), 2);
  ASSERT_TRUE(cut->read_range(0, 0, Source::kToTheEnd, buffer).ok());
  EXPECT_EQ(buffer.size(), 5U);
  EXPECT_EQ(cut->read_range(1, 0, 1, buffer).error().code, ErrorCode::kCorrupt);
}

TEST_F(ArchiveTest, AProgramInFrontOfAZipMovesItsOffsets) {
  Bytes bytes = pack_zip();
  bytes.insert(bytes.begin(), 1000, 'x');
  const std::shared_ptr<const Store> store = open_bytes(bytes, "a.zip").value();
  Bytes buffer;
  ASSERT_TRUE(store->read_range(7, 0, Source::kToTheEnd, buffer).ok());
  EXPECT_EQ(buffer, Bytes(700, 7));
}

TEST_F(ArchiveTest, AnArchiveThatWasReplacedIsNotReadByTheOldIndex) {
  const std::string path = (folder_ / "archive").string();
  pack_tar();
  const std::shared_ptr<const Store> store = open_archive(open_random_access(path).value(), "a.tar").value();
  Bytes buffer;
  ASSERT_TRUE(store->read_range(3, 0, Source::kToTheEnd, buffer).ok());
  std::ofstream(path, std::ios::app) << "x";
  const Status got = store->read_range(3, 0, Source::kToTheEnd, buffer);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, ErrorCode::kIo);
  EXPECT_NE(got.error().message.find("--resume"), std::string::npos);
  EXPECT_EQ(open_random_access(folder_.string()).error().code, ErrorCode::kIo);
  EXPECT_EQ(open_random_access(path + "x").error().code, ErrorCode::kNotFound);
}

TEST_F(ArchiveTest, MutatedArchivesEndInCodedErrors) {
  std::mt19937 random(11);
  for (const auto& [name, whole] : {std::pair("a.tar", pack_tar()), std::pair("a.zip", pack_zip())}) {
    // Most of an archive is content; its structure is what should be hit.
    std::vector<std::size_t> structure;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      const bool plain =
          i > 8 && std::all_of(whole.begin() + static_cast<std::ptrdiff_t>(i) - 8,
                               whole.begin() + static_cast<std::ptrdiff_t>(i), [&](auto b) { return b == whole[i]; });
      if (!plain) structure.push_back(i);
    }
    int opened = 0, failed = 0;
    for (int round = 0; round < 2000; ++round) {
      Bytes bytes = whole;
      const int changes = 1 + static_cast<int>(random() % 8);
      for (int i = 0; i < changes; ++i) {
        static constexpr std::array<std::uint8_t, 5> kSpecial{0, 0xFF, 0x80, '7', ' '};
        bytes[structure[random() % structure.size()]] =
            random() % 2 == 0 ? kSpecial[random() % kSpecial.size()] : static_cast<std::uint8_t>(random());
      }
      if (random() % 4 == 0) bytes.resize(random() % bytes.size());
      const Result<std::shared_ptr<const Store>> store = open_bytes(bytes, name);
      if (!store.ok()) {
        ++failed;
        EXPECT_TRUE(store.error().code == ErrorCode::kCorrupt || store.error().code == ErrorCode::kUnsupported)
            << store.error().to_string();
        continue;
      }
      ++opened;
      Bytes buffer;
      for (std::int64_t member = 0; member < (*store)->size(); ++member) {
        const Status got = (*store)->read_range(member, 0, Source::kToTheEnd, buffer);
        if (got.ok()) {
          EXPECT_LE(buffer.size(), bytes.size() * 1100);
          EXPECT_GE(buffer.capacity(), buffer.size() + 64);
        } else {
          EXPECT_TRUE(got.error().code == ErrorCode::kCorrupt || got.error().code == ErrorCode::kUnsupported ||
                      got.error().code == ErrorCode::kLimitExceeded)
              << got.error().to_string();
        }
      }
    }
    EXPECT_GT(opened, 500) << name;
    EXPECT_GT(failed, 20) << name;
  }
}

TEST(BracesTest, StandForNames) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(expand_braces("a{08..11}.tar").value(), (Names{"a08.tar", "a09.tar", "a10.tar", "a11.tar"}));
  EXPECT_EQ(expand_braces("{a,b}/{0..1}").value(), (Names{"a/0", "a/1", "b/0", "b/1"}));
  EXPECT_TRUE(expand_braces("plain.tar").value().empty());
  for (const char* wrong : {"{3..1}", "{a..b}", "{0..1", "{0..99999999}", "{..}", "{-1..3}", "{0..999}{0..9999}"})
    EXPECT_EQ(expand_braces(wrong).error().code, ErrorCode::kInvalidArgument) << wrong;
}

TEST(JoinKeyTest, AnArchiveIsAFolderOfItsName) {
  EXPECT_EQ(join_key_of("a/b.jpg"), "a/b");
  EXPECT_EQ(join_key_of("shards/0.tar!a/b.x.jpg"), "shards/0/a/b.x");
  EXPECT_EQ(inner_key_of("shards/0.tar!a/b.jpg"), "a/b");
  EXPECT_EQ(inner_key_of("a!b.jpg"), "a!b");
}

TEST(AddressTest, IsAScheme) {
  for (const char* address : {"s3://b/c", "http://h", "https://h/x?y"}) EXPECT_TRUE(is_address(address)) << address;
  for (const char* path : {"/a/b", "a.tar", "://x", "a b://c", "C:/x", ""}) EXPECT_FALSE(is_address(path)) << path;
}

}  // namespace
}  // namespace smol
