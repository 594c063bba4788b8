// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_index.hpp"

#include "checkpoint_digest.hpp"
#include "checkpoint_format.hpp"
#include "hdf5_fixed_array.hpp"
#include "hdf5_messages.hpp"
#include "read_ahead_file.hpp"
#include "variable_path.hpp"

#include <varscope/error.hpp>

#include <algorithm>
#include <limits>
#include <string_view>

namespace varscope::io {

namespace {

/// A variable's path: at most three bytes for one of the name, and the ":0".
constexpr std::size_t kMaxPathBytes = 3 * kMaxVariableNameBytes + 3;

// Numbers of what is no object; objects have those of their nodes.
constexpr std::size_t kSuperblock = ~std::size_t{0};
constexpr std::size_t kGap = kSuperblock - 1;

/// Something that a link leads to; a group or a dataset, which shows when its header is read. Small: a link
/// takes 16 bytes of a file at least, and may lead to nothing.
struct Node {
  std::uint64_t address = 0;
  std::uint32_t parent = 0;
  std::uint32_t path_bytes = 0;
  std::uint32_t link_begin = 0;  // of its name in IndexBuilder::link_names_; the root has none
  std::uint32_t link_bytes = 0;
};

class IndexBuilder {
 public:
  IndexBuilder(const ReadableFile& file, const std::string& name)
      : file_(file),
        extents_(file.size()),
        place_{name, [this](std::size_t object) { return name_of(object); }, kSuperblock} {}
  IndexBuilder(const IndexBuilder&) = delete;
  IndexBuilder& operator=(const IndexBuilder&) = delete;

  CheckpointIndex build() {
    nodes_.push_back({.address = read_superblock(file_, extents_, place_)});
    // Depth first, which is the order of the headers in the file. Every header claims bytes of its own, so
    // that a link back to what was read before is refused, and the file's size bounds the loop.
    pending_.push_back(0);
    while (!pending_.empty()) {
      const std::uint32_t node = pending_.back();
      pending_.pop_back();
      const std::size_t first_member = nodes_.size();
      read_object(node);
      for (std::size_t member = nodes_.size(); member-- > first_member;) {
        pending_.push_back(static_cast<std::uint32_t>(member));
      }
    }
    sort_variables();
    check_digest();
    check_gaps();
    return std::move(index_);
  }

 private:
  std::string name_of(std::size_t object) const {
    if (object == kSuperblock) return "the superblock";
    if (object == kGap) return "between its objects";
    return path_of(object);
  }

  std::string_view link_of(std::size_t node) const {
    return std::string_view(link_names_).substr(nodes_[node].link_begin, nodes_[node].link_bytes);
  }

  std::string path_of(std::size_t node) const {
    if (node == 0) return "/";
    std::string path;
    path.reserve(nodes_[node].path_bytes);
    std::vector<std::size_t> chain;
    for (; node != 0; node = nodes_[node].parent) chain.push_back(node);
    for (auto next = chain.rbegin(); next != chain.rend(); ++next) path.append("/").append(link_of(*next));
    return path;
  }

  void read_object(std::size_t node) {
    place_.object = node;
    read_object_header(file_, nodes_[node].address, extents_, place_, header_);
    std::size_t links = 0;
    bool is_group = false;
    header_.for_each_message([&](const HeaderMessage& message) {
      links += message.type == kLinkMessage ? 1 : 0;
      is_group = is_group || message.type == kLinkInfoMessage;
    });
    make_room_for(links);
    if (is_group) {
      read_group(node);
    } else if (node == 0) {
      place_.damaged({nodes_[0].address, 4}, "the root is not a group");
    } else {
      read_dataset(node);
    }
  }

  /// A vector that doubles would take more than the links do in the file.
  void make_room_for(std::size_t links) {
    if (nodes_.size() + links > std::numeric_limits<std::uint32_t>::max()) {
      place_.damaged({nodes_[place_.object].address, 4}, "more objects than a checkpoint can have");
    }
    if (nodes_.capacity() >= nodes_.size() + links) return;
    nodes_.reserve(std::max(nodes_.size() + links, nodes_.size() + nodes_.size() / 2));
  }

  /// Throws if a message that an object has at most once comes again.
  void count_once(bool& seen, const HeaderMessage& message) {
    if (seen) place_.damaged({message.offset, message.body.size()}, "the same message twice in one object");
    seen = true;
  }

  void read_group(std::size_t node) {
    bool link_info = false, group_info = false, attribute_info = false;
    std::vector<Attribute>& attributes = attributes_;
    attributes.clear();
    std::vector<std::string_view>& links = links_;
    links.clear();
    header_.for_each_message([&](const HeaderMessage& message) {
      switch (message.type) {
        case kLinkInfoMessage:
          count_once(link_info, message);
          check_link_info(message, place_);
          break;
        case kGroupInfoMessage:
          count_once(group_info, message);
          check_group_info(message, place_);
          break;
        case kAttributeInfoMessage:
          count_once(attribute_info, message);
          check_attribute_info(message, place_);
          break;
        case kAttributeMessage:
          add_attribute(attributes, message, node);
          break;
        case kLinkMessage: {
          const HardLink link = decode_link(message, place_);
          links.push_back(link.name);
          add_node(node, link, message);
          break;
        }
        default:
          refuse_message(message, place_);
      }
    });
    require_unique(links, node);
    if (node == 0) {
      read_root_attributes(attributes);
    } else if (!attributes.empty()) {
      refuse_attribute(attributes.front(), nodes_[node].address);
    } else if (links.empty()) {
      place_.outside_profile({nodes_[node].address, 4}, "an empty group");
    }
  }

  /// Sorts the names of a group's links, which mostly are; throws if one comes twice.
  void require_unique(std::vector<std::string_view>& links, std::size_t node) {
    if (!std::is_sorted(links.begin(), links.end())) std::sort(links.begin(), links.end());
    const auto twin = std::adjacent_find(links.begin(), links.end());
    if (twin == links.end()) return;
    place_.damaged({nodes_[node].address, 4}, "two links are called '" + std::string(*twin) + "'");
  }

  void add_node(std::size_t parent, const HardLink& link, const HeaderMessage& message) {
    const std::size_t path_bytes = nodes_[parent].path_bytes + 1 + link.name.size();
    if (path_bytes > kMaxPathBytes) {
      place_.damaged({message.offset, message.body.size()},
                     "a path of more than " + std::to_string(kMaxPathBytes) + " bytes");
    }
    if (link_names_.size() + link.name.size() > std::numeric_limits<std::uint32_t>::max()) {
      place_.damaged({message.offset, message.body.size()}, "names of more than 4 GiB");
    }
    nodes_.push_back({.address = link.address,
                      .parent = static_cast<std::uint32_t>(parent),
                      .path_bytes = static_cast<std::uint32_t>(path_bytes),
                      .link_begin = static_cast<std::uint32_t>(link_names_.size()),
                      .link_bytes = static_cast<std::uint32_t>(link.name.size())});
    link_names_ += link.name;
  }

  void add_attribute(std::vector<Attribute>& attributes, const HeaderMessage& message, std::size_t node) {
    constexpr std::size_t kMost = 4;  // of the root; datasets have 3
    attributes.push_back(decode_attribute(message, place_));
    if (attributes.size() > kMost) refuse_attribute(attributes.back(), nodes_[node].address);
  }

  [[noreturn]] void refuse_attribute(const Attribute& attribute, std::uint64_t address) {
    place_.outside_profile({address, 4}, "the attribute '" + std::string(attribute.name) + "' here");
  }

  /// The value of an attribute of that name and kind; throws InvalidArgumentError if there is none.
  const Attribute& find_attribute(const std::vector<Attribute>& attributes, const char* name,
                                  Attribute::Kind kind) {
    const auto found = std::find_if(attributes.begin(), attributes.end(), [&](const Attribute& attribute) {
      return attribute.name == name && attribute.kind == kind;
    });
    if (found == attributes.end()) {
      throw InvalidArgumentError("'" + place_.file + "' is an HDF5 file, but not a varscope checkpoint: " +
                                 name_of(place_.object) + " has no proper attribute '" + name + "'");
    }
    return *found;
  }

  void read_root_attributes(const std::vector<Attribute>& attributes) {
    const std::uint64_t address = nodes_[0].address;
    const Attribute& format = find_attribute(attributes, kFormatAttribute, Attribute::Kind::text);
    if (format.text != kFormatName)
      place_.outside_profile({address, 4}, "the format '" + std::string(format.text) + "'");
    const Attribute& version = find_attribute(attributes, kFormatVersionAttribute, Attribute::Kind::uint32);
    if (version.integer < kOldestFormatVersion || version.integer > kNewestFormatVersion) {
      throw InvalidArgumentError("'" + place_.file + "' is a checkpoint of format version " +
                                 std::to_string(version.integer) + "; this varscope reads versions " +
                                 std::to_string(kOldestFormatVersion) + " to " +
                                 std::to_string(kNewestFormatVersion) + ". A newer varscope reads it");
    }
    index_.format_version = static_cast<std::uint32_t>(version.integer);
    std::size_t expected = 2;
    if (has_blocks_and_digest()) {
      digest_ = static_cast<std::uint32_t>(
          find_attribute(attributes, kDigestAttribute, Attribute::Kind::uint32).integer);
      ++expected;
    }
    for (const Attribute& attribute : attributes) {
      if (attribute.name != kGlobalStepAttribute) continue;
      index_.global_step = static_cast<std::int64_t>(
          find_attribute(attributes, kGlobalStepAttribute, Attribute::Kind::int64).integer);
      ++expected;
    }
    if (attributes.size() != expected) refuse_attribute(attributes.back(), address);
  }

  void read_dataset(std::size_t node) {
    bool space = false, type = false, fill = false, layout = false, filters = false, attribute_info = false;
    std::uint64_t filtered_element_bytes = 0;
    IndexedVariable variable;
    DataLayout data;
    std::vector<Attribute>& attributes = attributes_;
    attributes.clear();
    header_.for_each_message([&](const HeaderMessage& message) {
      switch (message.type) {
        case kDataspaceMessage:
          count_once(space, message);
          variable.entry.shape = decode_dataspace(message, place_);
          break;
        case kDatatypeMessage:
          count_once(type, message);
          variable.entry.dtype = decode_datatype(message, place_);
          break;
        case kFillValueMessage:
          count_once(fill, message);
          check_fill_value(message, place_);
          break;
        case kDataLayoutMessage:
          count_once(layout, message);
          data = decode_layout(message, place_, may_have_chunks());
          break;
        case kFiltersMessage:
          if (!may_have_chunks()) refuse_message(message, place_);
          count_once(filters, message);
          filtered_element_bytes = decode_filters(message, place_);
          break;
        case kAttributeInfoMessage:
          count_once(attribute_info, message);
          check_attribute_info(message, place_);
          break;
        case kAttributeMessage:
          add_attribute(attributes, message, node);
          break;
        default:
          refuse_message(message, place_);
      }
    });
    const ByteRange start{nodes_[node].address, 4};
    if (!space || !type || !layout) place_.damaged(start, "neither a group nor a dataset");
    variable.entry.name = find_attribute(attributes, kNameAttribute, Attribute::Kind::text).text;
    variable.entry.crc32c = static_cast<std::uint32_t>(
        find_attribute(attributes, kChecksumAttribute, Attribute::Kind::uint32).integer);
    if (!belongs_here(variable.entry.name, node)) {
      place_.damaged(start, "the dataset holds the variable '" + variable.entry.name +
                                "', which belongs at another path");
    }
    variable.header = start;
    if (data.is_chunked != filters) place_.outside_profile(start, "chunks without filters");
    if (data.is_chunked) {
      place_chunks(variable, data, filtered_element_bytes, attributes);
    } else {
      place_data(variable, data);
      take_blocks(variable, attributes);
    }
    index_.variables.push_back(std::move(variable));
  }

  bool has_blocks_and_digest() const noexcept { return index_.format_version >= 2; }
  bool may_have_chunks() const noexcept { return index_.format_version >= kChunkedFormatVersion; }

  /// Takes the checksums of the blocks, and checks that they make up that of the whole.
  void take_blocks(IndexedVariable& variable, const std::vector<Attribute>& attributes) {
    const ByteRange start = variable.header;
    const std::uint64_t count = block_count(variable.entry.bytes);
    const bool wanted = has_blocks_and_digest() && count > 1;
    if (attributes.size() != (wanted ? 3 : 2)) refuse_attribute(attributes.back(), start.offset);
    if (!wanted) return;
    variable.blocks =
        list_of(find_attribute(attributes, kBlockChecksumsAttribute, Attribute::Kind::uint32_list));
    if (variable.blocks.size() != count) {
      place_.damaged(start, std::to_string(variable.blocks.size()) + " checksums for " +
                                std::to_string(count) + " blocks of data");
    }
    if (checksum_of_blocks(variable.blocks, variable.entry.bytes) != variable.entry.crc32c) {
      place_.damaged(start, "the checksums of the blocks do not make up that of the data");
    }
  }

  /// Whether a variable of this name stands at the node's path. Compared from the leaf to the root.
  bool belongs_here(const std::string& name, std::size_t node) {
    // The size first: it is that of links that the file has, so that no name makes a path longer than they
    // are.
    if (!is_storable_name(name) || variable_path_bytes(name) != nodes_[node].path_bytes) return false;
    path_.clear();
    append_variable_path(path_, name);
    std::string_view rest = path_;
    for (; node != 0; node = nodes_[node].parent) {
      const std::string_view link = link_of(node);
      if (!rest.ends_with(link)) return false;
      rest.remove_suffix(link.size());
      if (!rest.ends_with('/')) return false;
      rest.remove_suffix(1);
    }
    return rest.empty();
  }

  /// Checks the data's size against the shape, and its place against the file.
  void place_data(IndexedVariable& variable, const DataLayout& data) {
    CheckpointEntry& entry = variable.entry;
    const ByteRange layout_range{nodes_[place_.object].address, 4};
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(entry.shape.num_elements(), static_cast<std::int64_t>(dtype_size(entry.dtype)),
                               &bytes) ||
        static_cast<std::uint64_t>(bytes) != data.size) {
      place_.damaged(layout_range, "the data has " + std::to_string(data.size) + " bytes, but " +
                                       std::string(dtype_name(entry.dtype)) + entry.shape.to_string() +
                                       " needs another number");
    }
    entry.bytes = entry.stored_bytes = data.size;
    if (data.size == 0) {
      if (data.address != kUndefinedAddress) place_.damaged(layout_range, "data where there should be none");
      return;
    }
    entry.offset = data.address;
    extents_.claim({data.address, data.size}, place_);
    if (data.address % data_alignment(data.size) != 0) {
      place_.outside_profile(layout_range, "data that is not aligned");
    }
  }

  /// Checks the chunks against the shape, against the file, and against what Deflate can do: a file has so
  /// many bytes of data at most, and whoever makes room for them can rely on it.
  void place_chunks(IndexedVariable& variable, DataLayout& data, std::uint64_t filtered_element_bytes,
                    const std::vector<Attribute>& attributes) {
    CheckpointEntry& entry = variable.entry;
    const ByteRange start = variable.header;
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(entry.shape.num_elements(), static_cast<std::int64_t>(dtype_size(entry.dtype)),
                               &bytes)) {
      place_.damaged(start, "more bytes of data than a file can have");
    }
    entry.bytes = static_cast<std::uint64_t>(bytes);
    std::optional<ChunkGrid> grid;
    if (data.element_bytes == dtype_size(entry.dtype) && filtered_element_bytes == data.element_bytes) {
      grid = ChunkGrid::make(entry.shape, dtype_size(entry.dtype), std::move(data.chunk_shape));
    }
    if (!grid) place_.outside_profile(start, "chunks of another kind");
    if (data.one_chunk.has_value() != (grid->count() == 1)) {
      place_.damaged(start, "another number of chunks than the index has");
    }
    variable.chunked = std::make_unique<ChunkedData>(ChunkedData{*std::move(grid), {}});
    auto& [made, chunks] = *variable.chunked;
    if (data.one_chunk) {
      chunks.push_back(*data.one_chunk);
    } else {
      chunks = read_fixed_array(file_, data.address, made, extents_, place_);
    }
    take_chunk_checksums(variable, attributes);
    entry.offset = chunks.front().offset;
    entry.num_chunks = chunks.size();
    for (const StoredChunk& chunk : chunks) {
      const ByteRange range{chunk.offset, chunk.bytes};
      extents_.claim(range, place_);
      entry.stored_bytes += chunk.bytes;
      if (chunk.offset % kSmallAlignment != 0) place_.outside_profile(range, "chunks that are not aligned");
      if (chunk.deflated ? chunk.bytes >= made.chunk_bytes() : chunk.bytes != made.chunk_bytes()) {
        place_.damaged(range, "a chunk of " + std::to_string(made.chunk_bytes()) + " bytes has another size");
      }
      if ((made.chunk_bytes() - 1) / kMaxInflation >= chunk.bytes) {
        place_.damaged(range,
                       "they cannot become the " + std::to_string(made.chunk_bytes()) + " bytes of a chunk");
      }
    }
  }

  void take_chunk_checksums(IndexedVariable& variable, const std::vector<Attribute>& attributes) {
    if (attributes.size() != 3) refuse_attribute(attributes.back(), variable.header.offset);
    const std::vector<std::uint32_t> checksums =
        list_of(find_attribute(attributes, kChunkChecksumsAttribute, Attribute::Kind::uint32_list));
    std::vector<StoredChunk>& chunks = variable.chunked->chunks;
    if (checksums.size() != chunks.size()) {
      place_.damaged(variable.header, std::to_string(checksums.size()) + " checksums for " +
                                          std::to_string(chunks.size()) + " chunks of data");
    }
    for (std::size_t k = 0; k < chunks.size(); ++k) chunks[k].crc32c = checksums[k];
  }

  void sort_variables() {
    // Paths are different for different names, and no two links of a group are equal; but two groups could
    // bear one name.
    auto& variables = index_.variables;
    const auto by_name = [](const IndexedVariable& a, const IndexedVariable& b) {
      return a.entry.name < b.entry.name;
    };
    // They mostly are, in the order of their headers.
    if (!std::is_sorted(variables.begin(), variables.end(), by_name)) {
      std::sort(variables.begin(), variables.end(), by_name);
    }
    const auto twin = std::adjacent_find(
        variables.begin(), variables.end(),
        [](const IndexedVariable& a, const IndexedVariable& b) { return a.entry.name == b.entry.name; });
    if (twin != variables.end()) {
      throw_damaged(place_.file, variable_path(twin->entry.name), twin->header,
                    "the variable '" + twin->entry.name + "' is there twice");
    }
  }

  /// Requires: the variables are sorted.
  void check_digest() {
    if (!has_blocks_and_digest()) return;
    CheckpointDigest digest(index_.format_version, index_.global_step, index_.variables.size());
    for (const IndexedVariable& variable : index_.variables) digest.add(variable.entry);
    if (digest.value() == digest_) return;
    place_.object = 0;
    place_.damaged({nodes_[0].address, 4},
                   "the digest does not fit its variables: they are not all of one save");
  }

  void check_gaps() {
    place_.object = kGap;
    std::vector<std::byte> bytes;
    for (const ByteRange gap : extents_.gaps()) {
      if (gap.size >= kLargeAlignment) place_.damaged(gap, "they belong to nothing");
      bytes.resize(gap.size);
      file_.read_at(gap.offset, bytes);
      const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
      if (!std::all_of(bytes.begin(), bytes.end(), is_zero)) {
        place_.damaged(gap, "they belong to nothing, but are not zero");
      }
    }
  }

  ReadAheadFile file_;
  ExtentMap extents_;
  Place place_;
  std::vector<Node> nodes_;
  std::string link_names_;
  std::vector<std::uint32_t> pending_;  // nodes that were not read yet, the next one last
  CheckpointIndex index_;
  std::uint32_t digest_ = 0;

  // Used for one object after another, so that they need no memory each.
  ObjectHeader header_;
  std::vector<Attribute> attributes_;
  std::vector<std::string_view> links_;
  std::string path_;
};

}  // namespace

CheckpointIndex read_checkpoint_index(const ReadableFile& file, const std::string& name) {
  return IndexBuilder(file, name).build();
}

}  // namespace varscope::io
