#include "source/object_store.h"

#include <algorithm>

namespace smol {
namespace {

class ObjectStore final : public Store {
 public:
  explicit ObjectStore(std::shared_ptr<const Objects> objects) : objects_(std::move(objects)) {}
  [[nodiscard]] std::int64_t size() const override { return objects_->index().size(); }
  [[nodiscard]] bool holds_only_pictures() const override { return objects_->is_one(); }
  [[nodiscard]] bool reads_cheaply() const override { return false; }
  [[nodiscard]] std::string id_of(std::int64_t member) const override {
    return std::string(objects_->index().name_of(member));
  }
  [[nodiscard]] std::string path_of(std::int64_t member) const override { return objects_->open(member)->path(); }
  [[nodiscard]] Facts facts_of(std::int64_t member) const override {
    return {objects_->index()[member].size_bytes, objects_->open(member)->fingerprint()};
  }
  Status read_range(std::int64_t member, std::int64_t offset, std::int64_t length,
                    std::vector<std::uint8_t>& buffer) const override {
    const std::shared_ptr<const RandomAccess> object = objects_->open(member);
    if (length == Source::kToTheEnd && object->size_bytes() > length) {
      return Error{ErrorCode::kLimitExceeded, "the object is larger than 2 GB: " + object->path(), Stage::kRead};
    }
    const std::int64_t begin = std::min(offset, object->size_bytes());
    size_buffer(buffer, std::min(length, object->size_bytes() - begin));
    SMOL_ASSIGN_OR_RETURN(const std::int64_t got, object->read_at(begin, buffer));
    buffer.resize(static_cast<std::size_t>(got));
    return {};
  }

 private:
  std::shared_ptr<const Objects> objects_;
};

}  // namespace

std::shared_ptr<const Store> store_of_objects(std::shared_ptr<const Objects> objects) {
  return std::make_shared<ObjectStore>(std::move(objects));
}

}  // namespace smol
