#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <mutex>

#include "source/archive.h"
#include "source/archive_folder.h"
#include "source/folder.h"
#include "source/http_client.h"
#include "source/join_key.h"
#include "source/object_store.h"
#include "source/store.h"

namespace smol {
namespace {
namespace fs = std::filesystem;

using Opened = Result<std::shared_ptr<const Store>>;

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_any_container_name(const std::string& name) { return is_container_name(name) || is_compressed_archive_name(name); }

/// A name without what it says of a table's columns: t.parquet?image=picture&label=class.
struct Name {
  std::string path;
  TableColumns columns;
};
Name parse(const std::string& name) {
  Name parsed{name, {}};
  const std::size_t question = name.find('?');
  if (question == std::string::npos || exists(name)) return parsed;
  std::string rest;  // belongs to the address: ?endpoint_override=...
  for (std::size_t begin = question + 1; begin < name.size();) {
    const std::size_t end = std::min(name.find('&', begin), name.size());
    const std::string pair = name.substr(begin, end - begin), value = pair.substr(std::min(pair.find('=') + 1, pair.size()));
    begin = end + 1;
    if (pair.starts_with("image=")) {
      parsed.columns.image = value;
    } else if (pair.starts_with("id=")) {
      parsed.columns.id = value;
    } else if (pair.starts_with("label=")) {
      parsed.columns.label = value;
    } else {
      rest += (rest.empty() ? "?" : "&") + pair;
    }
  }
  parsed.path = name.substr(0, question) + rest;
  return parsed;
}

bool is_container(const std::string& name) {
  const std::string path = parse(name).path;
  return is_any_container_name(path) && !is_address(path) && !is_folder(path);
}

Opened open_one_container(const std::string& name) {
  const auto [path, columns] = parse(name);
  SMOL_ASSIGN_OR_RETURN(std::shared_ptr<const RandomAccess> file, open_random_access(path));
  return open_container(std::move(file), fs::path(path).filename().string(), columns);
}

bool is_pattern(const std::string& name) {
  const std::string path = parse(name).path;
  return path.find('{') != std::string::npos && !is_address(path) && !exists(path) && is_any_container_name(path);
}

// Ids begin behind the folder in front of the first brace.
Opened open_pattern(const std::string& name) {
  const auto [pattern, columns] = parse(name);
  SMOL_ASSIGN_OR_RETURN(const std::vector<std::string> paths, expand_braces(pattern));
  const std::size_t slash = pattern.substr(0, pattern.find('{')).find_last_of('/');
  std::vector<std::string> names;
  names.reserve(paths.size());
  for (const std::string& path : paths) names.push_back(path.substr(slash == std::string::npos ? 0 : slash + 1));
  return open_containers(
      names, [&](std::size_t i) { return open_random_access(paths[i]); }, columns);
}

// A folder with pictures is a folder of pictures, whatever archives lie beside them: they are often the same pictures,
// packed.
bool is_folder_of_containers(const std::string& name) {
  const std::string folder = parse(name).path;
  std::error_code failure;
  if (!is_folder(folder)) return false;
  bool any = false;
  fs::recursive_directory_iterator walk(folder, fs::directory_options::skip_permission_denied, failure);
  for (const fs::recursive_directory_iterator end; !failure && walk != end; walk.increment(failure)) {
    const std::string file = walk->path().filename().string();
    if (has_picture_extension(file) && !file.starts_with('.')) return false;
    any |= is_any_container_name(file);
  }
  return any;
}

Opened open_folder_of_containers(const std::string& name) {
  const auto [folder, columns] = parse(name);
  SMOL_ASSIGN_OR_RETURN(std::vector<std::string> files, list_files(folder));
  const auto compressed = std::find_if(files.begin(), files.end(), is_compressed_archive_name);
  const std::string first_compressed = compressed == files.end() ? "" : *compressed;
  std::erase_if(files, [](const std::string& file) { return !is_container_name(file); });
  const fs::path base(folder);
  if (files.empty()) return open_one_container((base / first_compressed).string());  // says what to do
  return open_containers(
      files, [&](std::size_t i) { return open_random_access((base / files[i]).string()); }, columns);
}

// An archive or table whose parts the server gives, else one picture.
Opened open_web_address(const std::string& name) {
  const auto [address, columns] = parse(name);
  const std::string path = address.substr(0, address.find('?'));
  if (!is_any_container_name(path)) return open_web_pictures({name});
  SMOL_ASSIGN_OR_RETURN(std::shared_ptr<const RandomAccess> file, open_web_file(address));
  return open_container(std::move(file), path.substr(path.find_last_of('/') + 1), columns);
}

bool is_object_storage(const std::string& name) { return is_address(name); }

// One picture, an archive or a table; or what lies under a prefix, archives unless there are pictures.
Opened open_object_storage(const std::string& name) {
  const auto [address, columns] = parse(name);
  SMOL_ASSIGN_OR_RETURN(const std::shared_ptr<const Objects> objects, list_objects(address));
  const ArchiveIndex& index = objects->index();
  std::vector<std::string> names;
  std::vector<std::int64_t> places;
  bool any_picture = false;
  for (std::int64_t i = 0; i < index.size(); ++i) {
    const std::string object(index.name_of(i));
    any_picture |= has_picture_extension(object);
    if (!is_container_name(object)) continue;
    names.push_back(object);
    places.push_back(i);
  }
  if (any_picture || names.empty()) return store_of_objects(objects);
  return open_containers(
      names, [&](std::size_t i) -> Result<std::shared_ptr<const RandomAccess>> { return objects->open(places[i]); },
      columns);
}

// photos.tar!a/b.jpg: where the archive's name ends, 0 when it is none.
std::size_t archive_end(const std::string& name) {
  for (std::size_t mark = name.find('!'); mark != std::string::npos; mark = name.find('!', mark + 1)) {
    if (is_container(name.substr(0, mark)) && exists(name.substr(0, mark))) return mark;
  }
  return 0;
}

bool is_member(const std::string& name) { return archive_end(name) > 0 && !exists(name); }

/// The archives that members were last asked of by name: a list may name a million members of one.
class RecentArchives {
 public:
  Opened open(const std::string& path) {
    SMOL_ASSIGN_OR_RETURN(std::shared_ptr<const RandomAccess> file, open_random_access(path));
    std::string fingerprint = file->fingerprint();
    const std::scoped_lock lock(mutex_);
    for (const Entry& entry : entries_) {
      if (entry.path == path && entry.fingerprint == fingerprint) return entry.store;
    }
    SMOL_ASSIGN_OR_RETURN(std::shared_ptr<const Store> store,
                          open_container(std::move(file), fs::path(path).filename().string(), {}));
    entries_[next_++ % entries_.size()] = {path, std::move(fingerprint), store};
    return store;
  }

 private:
  struct Entry {
    std::string path, fingerprint;
    std::shared_ptr<const Store> store;
  };
  std::mutex mutex_;
  std::array<Entry, 4> entries_;
  std::size_t next_ = 0;
};

Opened open_member(const std::string& name) {
  const std::size_t mark = archive_end(name);
  static RecentArchives recent;
  SMOL_ASSIGN_OR_RETURN(std::shared_ptr<const Store> store, recent.open(name.substr(0, mark)));
  const std::string member = name.substr(mark + 1);
  const std::string id = fs::path(name.substr(0, mark)).filename().string() + "!" + member;
  const std::int64_t found = store->index().find(id);
  if (found >= 0) return select_members(std::move(store), {found});
  std::string first = store->size() > 0 ? store->id_of(0) : "";
  return Error{ErrorCode::kNotFound,
               fmt::format("the archive has no such member; it has {}{}: {}", store->size(),
                           first.empty() ? "" : ", the first is '" + first.substr(first.find('!') + 1) + "'", name),
               Stage::kRead};
}

/// What a name may stand for besides a folder of pictures, a picture, a list and a dataset file.
struct StoreKind {
  bool (*accepts)(const std::string& name);
  Opened (*open)(const std::string& name);
};
// The first that accepts opens.
constexpr std::array kStoreKinds{
    StoreKind{[](const std::string& name) { return is_web_address(name); }, open_web_address},
    StoreKind{is_object_storage, open_object_storage},
    StoreKind{is_pattern, open_pattern},
    StoreKind{is_container, open_one_container},
    StoreKind{is_member, open_member},
    StoreKind{is_folder_of_containers, open_folder_of_containers},
};

const StoreKind* kind_of(const std::string& name) {
  const auto kind =
      std::find_if(kStoreKinds.begin(), kStoreKinds.end(), [&](const StoreKind& k) { return k.accepts(name); });
  return kind == kStoreKinds.end() ? nullptr : kind;
}

}  // namespace

bool is_address(std::string_view name) {
  const std::size_t colon = name.find("://");
  return colon != std::string_view::npos && colon > 0 &&
         std::all_of(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+'; });
}

bool may_be_store(const std::string& name) { return !is_folder(name) && kind_of(name) != nullptr; }

Result<std::shared_ptr<const Store>> open_store(const std::string& name) {
  const StoreKind* kind = kind_of(name);
  return kind == nullptr ? std::shared_ptr<const Store>() : kind->open(name);
}

Result<Item> item_named(const std::string& name) {
  if (may_be_store(name)) {
    SMOL_ASSIGN_OR_RETURN(const std::shared_ptr<const Store> store, open_store(name));
    if (store->size() == 1) return item_of(store, 0);
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("one picture is wanted and this holds {}; name one as archive!member: {}", store->size(), name)};
  }
  Item item;
  item.id = item.path = name;
  return item;
}

}  // namespace smol
