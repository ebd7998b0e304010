#pragma once
#include <memory>
#include <string>
#include <vector>

#include "smol/source.h"

namespace smol {

/// Opens the store of every rendition that is no folder of pictures. kNotFound, kIo, kCorrupt, kNotBuilt, kUnsupported.
Status open_stores(Dataset& dataset);
/// The store of a list of web addresses; null for a list of files. kInvalidArgument for one of both.
[[nodiscard]] Result<std::shared_ptr<const Store>> open_listed(const std::vector<std::string>& names,
                                                               const std::string& list);
/// The pictures of the first rendition's store become the dataset's items, with the labels that the store has.
Status read_stored_items(Dataset& dataset, const RecognisePicture& recognise);
/// The picture of a rendition's store that stands for an item: of the first rendition the one of that id, of another the one
/// with the same key (join_key.h). kNotFound; kInvalidArgument when several could be meant.
[[nodiscard]] Result<StoredPicture> find_stored(const Dataset& dataset, const Dataset::Rendition& rendition,
                                                const std::string& item_id);
/// All items of the first rendition's store, made as they are asked for: a list of a million would take half a gigabyte.
/// Null when the items are others, or have regions.
[[nodiscard]] std::unique_ptr<Source> open_members(const Dataset& dataset, int shard, int num_shards);
/// Gives an item its bytes, or the error that there are none.
void set_stored(Item& item, Result<StoredPicture> found);
/// Gives an item of another rendition the first rendition's picture as the frame of its regions.
void set_frame(const Dataset& dataset, Item& item);

}  // namespace smol
