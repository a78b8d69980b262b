// The part of the state law (state_law.h) that is about pins, bookmarks and saved items. For tests
// only; one thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "heim/v1/event.pb.h"
#include "server/model/ids.h"
#include "server/store/store.h"

namespace heim {

class KeepsakeModel {
 public:
  void Apply(const v1::Event& event);
  // Adds what differs from the rows of the workspace.
  void Compare(ReadTx& tx, const WorkspaceId& workspace, std::vector<std::string>* found) const;

 private:
  using Key = std::pair<std::string, std::string>;

  absl::Status ComparePins(ReadTx& tx, std::vector<std::string>* found) const;
  absl::Status CompareBookmarks(ReadTx& tx, std::vector<std::string>* found) const;
  absl::Status CompareSaved(ReadTx& tx, const WorkspaceId& workspace,
                            std::vector<std::string>* found) const;

  std::vector<std::string> channels_;      // that were heard of
  std::map<Key, v1::Pin> pins_;            // by channel and message
  std::map<Key, v1::Bookmark> bookmarks_;  // by channel and id
  std::map<Key, v1::SavedItem> saved_;     // by actor and message
  std::map<std::string, bool> savers_;     // actors that ever saved
};

}  // namespace heim
