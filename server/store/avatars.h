// Pictures of actors: where their bytes lie in the blob store. One for each actor, in two sizes.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct StoredPicture {
  std::string blob_key;
  int64_t size_bytes = 0;
  std::string sha256;  // of the bytes, in hex
};

struct AvatarRow {
  ActorId actor_id;
  StoredPicture large;
  StoredPicture small;
};

class Avatars {
 public:
  explicit Avatars(SqlSession& session) : session_(&session) {}

  // Takes the place of the one before.
  absl::Status Set(const AvatarRow& row);
  // Nullopt when the actor has none.
  absl::StatusOr<std::optional<AvatarRow>> Get(const ActorId& actor);
  absl::Status Delete(const ActorId& actor);

 private:
  SqlSession* session_;
};

}  // namespace heim
