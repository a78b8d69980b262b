// Finding channels and actors by their names, for search and its suggestions: those alone that the
// caller may know of, and only with a credential that may list them. Functions over a transaction;
// its thread; they block on the database.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/channel.pb.h"
#include "heim/v1/search_service.pb.h"
#include "server/model/caller.h"
#include "server/model/search_query.h"
#include "server/store/store.h"

namespace heim {

// Words that a name must hold, each as the beginning of one of its words.
struct NameQuery {
  SearchQuery query;

  static NameQuery Of(const SearchQuery& query);
  static NameQuery Typed(std::string_view text);
};

// By name, archived ones too: name, topic or purpose.
absl::StatusOr<std::vector<v1::Channel>> FindChannels(ReadTx& tx, const Caller& caller,
                                                      const NameQuery& names, uint32_t limit);
// By username: username or display name.
absl::StatusOr<std::vector<v1::ActorRef>> FindActors(ReadTx& tx, const Caller& caller,
                                                     const NameQuery& names, uint32_t limit);

absl::Status Suggest(ReadTx& tx, const Caller& caller, std::string_view typed, uint32_t limit,
                     v1::SuggestSearchResponse* response);

}  // namespace heim
