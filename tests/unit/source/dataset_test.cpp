#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "smol/source.h"
#include "source/csv.h"

namespace smol {
namespace {
namespace fs = std::filesystem;

class DatasetTest : public ::testing::Test {
 protected:
  DatasetTest() : folder_(fs::temp_directory_path() / ("smol-dataset-" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~DatasetTest() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text = "x") {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  fs::path folder_;
};

std::vector<Item> all_items(Source& source) {
  std::vector<Item> items;
  for (auto item = source.next(); item.ok() && *item; item = source.next()) items.push_back(**item);
  return items;
}

TEST_F(DatasetTest, FolderListsPicturesSortedAndLeavesOtherFilesOut) {
  for (const char* name : {"p/b.jpg", "p/a.png", "p/sub/c.JPEG", "p/labels.csv", "p/.hidden.jpg", "p/.git/d.jpg"})
    write(name);
  const Result<Dataset> dataset = open_dataset(path("p"));
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->item_ids, (std::vector<std::string>{"a.png", "b.jpg", "sub/c.JPEG"}));
}

TEST_F(DatasetTest, FilesOfOtherNamesAreItemsWhenTheyAreRecognised) {
  for (const char* name : {"p/b.jpg", "p/a", "p/a.bak", "p/sub/c.jpg_large", "p/.hidden"}) write(name, "picture");
  write("p/labels.csv", "item,label\n"), write("p/empty", "");
  const auto recognise = [](ByteView bytes) { return bytes.size() == 7 && bytes.front() == 'p'; };
  const Dataset dataset = open_dataset(path("p"), {.recognise = recognise}).value();
  EXPECT_EQ(dataset.item_ids, (std::vector<std::string>{"a", "a.bak", "b.jpg", "sub/c.jpg_large"}));
  EXPECT_EQ(dataset.num_passed_over, 2);
  const Dataset by_name = open_dataset(path("p")).value();
  EXPECT_EQ(by_name.item_ids, (std::vector<std::string>{"b.jpg"}));
  EXPECT_EQ(by_name.num_passed_over, 5);
  write("q/labels.csv");
  EXPECT_EQ(open_dataset(path("q"))->item_ids, (std::vector<std::string>{"labels.csv"}));
  EXPECT_NE(open_dataset(path("q"), {.recognise = recognise}).error().message.find("no pictures, 1 other"),
            std::string::npos);
}

TEST_F(DatasetTest, LabelsAreForItemsOrForTheirRegions) {
  write("full/a.jpg"), write("full/b.jpg"), write("full/c.jpg");
  write("regions.csv", "item,region,x,y,width,height\na.jpg,x,1,2,3,4\na.jpg,y,5,6,7,8\nb.jpg,x,1,2,3,4\n");
  const auto open_with = [&](const std::string& labels) {
    write("labels.csv", labels);
    return open_dataset(write("d.yaml", "renditions: {full: {path: full}}\nlabels: labels.csv\nregions: regions.csv\n"));
  };
  const Dataset of_items = open_with("item,label\na.jpg,7\nc.jpg,8\n").value();
  EXPECT_EQ(of_items.label_of(0, 0), 7);
  EXPECT_EQ(of_items.label_of(0, 1), 7);
  EXPECT_EQ(of_items.label_of(1, 0), -1);
  EXPECT_EQ(of_items.label_of(2, 0), 8);
  const Dataset of_regions = open_with("item,region,label\na.jpg,,7\na.jpg,y,3\nb.jpg,x,4\n").value();
  EXPECT_EQ(of_regions.label_of(0, 0), 7);
  EXPECT_EQ(of_regions.label_of(0, 1), 3);
  EXPECT_EQ(of_regions.label_of(1, 0), 4);
  EXPECT_EQ(of_regions.label_of(2, 0), -1);
  const auto refusal = [&](const std::string& labels) { return open_with(labels).error().message; };
  EXPECT_NE(refusal("item,label\na.jpg,1\n\na.jpg,1\n").find("lines 2 and 4 label the same item; keep one"),
            std::string::npos);
  EXPECT_NE(refusal("item,region,label\na.jpg,x,1\na.jpg,x,2\n").find("lines 2 and 3 label the same item and region"),
            std::string::npos);
  EXPECT_NE(refusal("item,region,label\na.jpg,z,1\n").find("its regions: x, y"), std::string::npos);
}

TEST_F(DatasetTest, RenditionsJoinByPathWithoutExtension) {
  write("full/a.jpg"), write("full/sub/a.jpg"), write("full/b.jpg"), write("full/c.jpg");
  write("small/a.png"), write("small/sub/a.png"), write("small/b.jpg"), write("small/b.txt");
  write("d.yaml", "renditions: {full: {path: full}, small: {path: small}}\n");
  const Result<Dataset> dataset = open_dataset(path("d.yaml"));
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  const std::vector<Item> items = all_items(*dataset->open("small"));
  ASSERT_EQ(items.size(), 4U);
  EXPECT_EQ(items[0].id, "a.jpg");
  EXPECT_EQ(items[0].path, path("small/a.png"));
  EXPECT_EQ(items[1].path, path("small/b.jpg"));  // notes beside pictures do not count
  EXPECT_EQ(items[2].error->code, ErrorCode::kNotFound);
  EXPECT_EQ(items[3].path, path("small/sub/a.png"));
  EXPECT_EQ(*dataset->locate(dataset->renditions[1], "a.jpg"), path("small/a.png"));
  write("small/a.webp");
  const std::vector<Item> ambiguous = all_items(*dataset->open("small"));
  EXPECT_EQ(ambiguous[0].error->code, ErrorCode::kInvalidArgument);
  write("small/b.png");  // also where one of them has the item's name
  const Result<std::string> located = dataset->locate(dataset->renditions[1], "b.jpg");
  const std::string message = all_items(*dataset->open("small"))[1].error->message;
  for (const char* name : {"small/b.jpg", "small/b.png"}) {
    EXPECT_NE(message.find(path(name)), std::string::npos) << message;
    EXPECT_NE(located.error().message.find(path(name)), std::string::npos);
  }
}

TEST_F(DatasetTest, ItemsOfOneStemAreRefusedWhereRenditionsAreJoined) {
  write("full/a.jpg"), write("full/a.png"), write("small/a.jpg");
  write("d.yaml", "renditions: {full: {path: full}, small: {path: small}}\n");
  const std::string message = open_dataset(path("d.yaml")).error().message;
  EXPECT_NE(message.find("a.jpg, a.png"), std::string::npos) << message;
  write("one.yaml", "renditions: {full: {path: full}}\n");
  EXPECT_EQ(open_dataset(path("one.yaml"))->item_ids.size(), 2U);
}

TEST_F(DatasetTest, LabelsAndRegionsBelongToTheirItems) {
  write("full/a.jpg"), write("full/b, c.jpg");
  write("labels.csv", "item,label,name\n\"b, c.jpg\",7,x\nunknown.jpg,3,y\n");
  write("regions.csv", "item,region,x,y,width,height\na.jpg,face,1,2,3,4\na.jpg,other,5,6,7,8\n");
  write("d.yaml", "renditions: {full: {path: full}}\nlabels: labels.csv\nregions: regions.csv\n");
  const Result<Dataset> dataset = open_dataset(path("d.yaml"));
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->labels, (std::vector<int>{-1, 7}));
  ASSERT_EQ(dataset->regions[0].size(), 2U);
  EXPECT_EQ(dataset->regions[0][1].rect, (Rect{5, 6, 7, 8}));
  EXPECT_TRUE(dataset->regions[1].empty());
}

TEST_F(DatasetTest, BoxesOfDetectorsAreRegionsAsTheyCome) {
  write("full/a.jpg");
  write("d.yaml", "renditions: {full: {path: full}}\nregions: regions.csv\n");
  write("regions.csv",
        "score,item,region,x,y,width,height,label\n0.9,a.jpg,0,1.5,-0.25,3,4.5,cat\n0.4,a.jpg,1,2,3,4,5,dog\n");
  const Result<Dataset> dataset = open_dataset(path("d.yaml"));
  ASSERT_TRUE(dataset.ok()) << dataset.error().message;
  EXPECT_EQ(dataset->regions[0][0].rect, (Rect{1, -1, 4, 6}));  // 1.5..4.5 and -0.25..4.25
  EXPECT_EQ(dataset->regions[0][1].rect, (Rect{2, 3, 4, 5}));
  for (const char* wrong : {"nan", "inf", "1e10", "4px", ""}) {
    write("regions.csv", std::string("item,region,x,y,width,height\na.jpg,0,1,2,3,") + wrong + "\n");
    EXPECT_NE(open_dataset(path("d.yaml")).error().message.find("expected a number of pixels"), std::string::npos) << wrong;
  }
}

TEST_F(DatasetTest, ErrorsNameFileAndRemedy) {
  write("full/a.jpg");
  const auto message_of = [&](const std::string& yaml) {
    write("d.yaml", yaml);
    const Result<Dataset> dataset = open_dataset(path("d.yaml"));
    return dataset.ok() ? std::string("accepted") : dataset.error().message;
  };
  EXPECT_NE(message_of("rendition: x\n").find("allowed are renditions"), std::string::npos);
  EXPECT_NE(message_of("renditions: {}\n").find("renditions"), std::string::npos);
  EXPECT_NE(message_of("renditions: {full: {path: gone}}\n").find("gone"), std::string::npos);
  EXPECT_NE(message_of("renditions: {full: {path: full}}\ncalibration: [z.jpg]\n").find("z.jpg"), std::string::npos);
  write("regions.csv", "item,region,x,y,width,height\na.jpg,face,1,2,0,4\n");
  EXPECT_NE(message_of("renditions: {full: {path: full}}\nregions: regions.csv\n").find("positive"), std::string::npos);
  write("regions.csv", "item,region,x,y,width,height\na.jpg,face,1,2,3,4\na.jpg,nose,1,2,3,4\n\na.jpg,face,5,5,5,5\n");
  EXPECT_NE(message_of("renditions: {full: {path: full}}\nregions: regions.csv\n").find("lines 2 and 5 are the same region"),
            std::string::npos);
  for (const char* near : {"a", "a.png", "full/a.jpg"}) {
    write("regions.csv", "item,region,x,y,width,height\na.jpg,\"a\nb\",1,2,3,4\n" + std::string(near) + ",c,1,2,3,4\n");
    const std::string message = message_of("renditions: {full: {path: full}}\nregions: regions.csv\n");
    EXPECT_NE(message.find("line 4 names no item of the dataset; did you mean 'a.jpg'?"), std::string::npos) << message;
  }
  EXPECT_NE(message_of("renditions: {full: {path: full, size: 3}}\n").find("allowed are path"), std::string::npos);
  write("labels.csv", "item,label\nz.jpg,1\n");
  EXPECT_NE(message_of("renditions: {full: {path: full}}\nlabels: labels.csv\n").find("no label names an item"),
            std::string::npos);
  write("labels.csv", "item,label\na.jpg,cat\n");
  EXPECT_NE(message_of("renditions: {full: {path: full}}\nlabels: labels.csv\n").find("'cat'"), std::string::npos);
}

TEST_F(DatasetTest, ListsKeepTheirOrderAndRefuseDuplicates) {
  write("b.jpg"), write("a.jpg");
  const Result<Dataset> dataset = open_dataset(write("list.txt", "b.jpg\r\na.jpg\n"));
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(dataset->item_ids, (std::vector<std::string>{"b.jpg", "a.jpg"}));
  EXPECT_EQ(open_dataset(write("list.txt", "a.jpg\nb.jpg\na.jpg\n")).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(DatasetTest, ShardsPartitionTheItems) {
  for (int i = 0; i < 10; ++i) write("p/" + std::to_string(i) + ".jpg");
  const Result<Dataset> dataset = open_dataset(path("p"));
  std::vector<std::string> seen;
  for (int shard = 0; shard < 3; ++shard) {
    for (const Item& item : all_items(*dataset->open("full", shard, 3))) seen.push_back(item.id);
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, dataset->item_ids);
}

TEST_F(DatasetTest, CsvFollowsRfc4180) {
  const Result<CsvTable> table = read_csv(write("t.csv",
                                                "\xEF\xBB\xBF"
                                                "a,b\r\n\"x \"\"y\"\"\nz\",1\r\n\r\n,2"));
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(table->columns, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(table->rows.size(), 2U);
  EXPECT_EQ(table->rows[0][0], "x \"y\"\nz");
  EXPECT_EQ(table->rows[1][0], "");
  EXPECT_EQ(read_csv(write("t.csv", "a,b\n1\n")).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace smol
