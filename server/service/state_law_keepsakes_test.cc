#include "server/service/state_law_keepsakes.h"

#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

// Serialised values by key: two of them are the same or they differ.
template <typename Key, typename M>
void Match(const char* what, const std::map<Key, M>& by_events, const std::map<Key, M>& by_read,
           std::vector<std::string>* found) {
  for (const auto& [key, value] : by_read) {
    const auto it = by_events.find(key);
    if (it == by_events.end()) {
      found->push_back(StrCat(what, " is in no event: ", value.ShortDebugString()));
    } else if (it->second.SerializeAsString() != value.SerializeAsString()) {
      found->push_back(StrCat(what, ": by events ", it->second.ShortDebugString(), ", by read ",
                              value.ShortDebugString()));
    }
  }
  for (const auto& [key, value] : by_events) {
    if (by_read.count(key) == 0) {
      found->push_back(StrCat(what, " is gone without an event: ", value.ShortDebugString()));
    }
  }
}

}  // namespace

void KeepsakeModel::Apply(const v1::Event& event) {
  switch (event.payload_case()) {
    case v1::Event::kChannelCreated:
      return channels_.push_back(event.channel_created().channel().id());
    case v1::Event::kPinAdded: {
      const v1::Pin& pin = event.pin_added().pin();
      pins_[Key(pin.channel_id(), pin.message_id())] = pin;
      return;
    }
    case v1::Event::kPinRemoved:
      pins_.erase(Key(event.pin_removed().channel_id(), event.pin_removed().message_id()));
      return;
    case v1::Event::kBookmarkCreated: {
      const v1::Bookmark& bookmark = event.bookmark_created().bookmark();
      bookmarks_[Key(bookmark.channel_id(), bookmark.id())] = bookmark;
      return;
    }
    case v1::Event::kBookmarkUpdated: {
      const v1::Bookmark& bookmark = event.bookmark_updated().bookmark();
      bookmarks_[Key(bookmark.channel_id(), bookmark.id())] = bookmark;
      return;
    }
    case v1::Event::kBookmarkDeleted:
      bookmarks_.erase(
          Key(event.bookmark_deleted().channel_id(), event.bookmark_deleted().bookmark_id()));
      return;
    case v1::Event::kSavedUpdated: {
      const v1::SavedItem& item = event.saved_updated().item();
      savers_[event.to_actor_id()] = true;
      saved_[Key(event.to_actor_id(), item.message_id())] = item;
      return;
    }
    case v1::Event::kSavedRemoved:
      saved_.erase(Key(event.to_actor_id(), event.saved_removed().message_id()));
      return;
    case v1::Event::kChannelDeleted: {
      const std::string& id = event.channel_deleted().channel_id();
      std::erase(channels_, id);
      const auto is_here = [&](const auto& kept) { return kept.second.channel_id() == id; };
      std::erase_if(pins_, is_here);
      std::erase_if(bookmarks_, is_here);
      std::erase_if(saved_, is_here);
      return;
    }
    case v1::Event::kMessageDeleted:
      // What was saved of it goes with it, for everybody.
      for (const auto& [actor, saved] : savers_) {
        saved_.erase(Key(actor, event.message_deleted().message_id()));
      }
      return;
    default:
      return;
  }
}

absl::Status KeepsakeModel::ComparePins(ReadTx& tx, std::vector<std::string>* found) const {
  std::map<Key, v1::Pin> read;
  for (const std::string& channel : channels_) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<v1::Pin> pins,
                          tx.pins.List(ChannelId(channel), {}, 1000));
    for (const v1::Pin& pin : pins) read[Key(channel, pin.message_id())] = pin;
  }
  Match("a pin", pins_, read, found);
  return absl::OkStatus();
}

absl::Status KeepsakeModel::CompareBookmarks(ReadTx& tx, std::vector<std::string>* found) const {
  std::map<Key, v1::Bookmark> read;
  for (const std::string& channel : channels_) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<v1::Bookmark> bookmarks,
                          tx.bookmarks.List(ChannelId(channel), "", 1000));
    for (const v1::Bookmark& bookmark : bookmarks) read[Key(channel, bookmark.id())] = bookmark;
  }
  Match("a bookmark", bookmarks_, read, found);
  return absl::OkStatus();
}

absl::Status KeepsakeModel::CompareSaved(ReadTx& tx, const WorkspaceId& workspace,
                                         std::vector<std::string>* found) const {
  std::map<Key, v1::SavedItem> read;
  for (const auto& [actor, saved] : savers_) {
    SavedFilter all;
    all.limit = 1000;
    HEIM_ASSIGN_OR_RETURN(const std::vector<v1::SavedItem> items,
                          tx.saved.List({ActorId(actor), workspace}, all));
    for (const v1::SavedItem& item : items) read[Key(actor, item.message_id())] = item;
  }
  Match("a saved item", saved_, read, found);
  return absl::OkStatus();
}

void KeepsakeModel::Compare(ReadTx& tx, const WorkspaceId& workspace,
                            std::vector<std::string>* found) const {
  for (const absl::Status& status :
       {ComparePins(tx, found), CompareBookmarks(tx, found), CompareSaved(tx, workspace, found)}) {
    if (!status.ok()) found->push_back(status.ToString());
  }
}

}  // namespace heim
