// What happens to the link previews of a message when its links change. Functions over a
// transaction; same thread as the transaction.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/message.pb.h"
#include "server/model/ids.h"
#include "server/store/store.h"

namespace heim {

// The links of the text that get a preview unless something speaks against it.
std::vector<std::string> LinksOf(const v1::Message& message);

// Takes the previews from the message whose url `goes`; their pictures are released. The message's
// row is for the caller to update. Whether there were any.
absl::StatusOr<bool> DropPreviews(WriteTx& tx, v1::Message* message,
                                  const std::function<bool(const std::string& url)>& goes);

// After an edit: previews of links that the text no longer has go.
absl::StatusOr<bool> DropUnlinkedPreviews(WriteTx& tx, v1::Message* message);

}  // namespace heim
