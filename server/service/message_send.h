// How a message comes to be, for everything that sends one: SendMessage, ForwardMessage, scheduled
// messages.
// Functions over a transaction; same thread as the transaction.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "heim/v1/message_service.pb.h"
#include "server/model/caller.h"
#include "server/model/ids.h"
#include "server/service/mentioning.h"
#include "server/store/store.h"

namespace heim {

// What a repeat with the same client_id must equal: the request without it.
std::string RepeatHash(const google::protobuf::Message& request);

struct NewPost {
  std::string id;  // of the message
  absl::Time at;
  const v1::SendMessageRequest& request;
  std::string repeat_hash;  // empty without a client_id
  // Adds what the request cannot say, before anything is written; not run for a repeat.
  std::function<absl::Status(v1::Message*)> fill;
  // For @here, which calls nobody without it.
  const PresenceBook* presence = nullptr;
  CrowdMentions crowd = CrowdMentions::kLeaveAsText;
};

// Checks the caller's right to post and commits the message with its events; a repeat answers the
// first one. Fails as SendMessage does.
absl::Status PostMessage(WriteTx& tx, const Caller& caller, const NewPost& post, v1::Message* sent);

}  // namespace heim
