#include "server/service/search_names.h"

#include <algorithm>
#include <utility>

#include "absl/functional/function_ref.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/permissions.h"
#include "server/model/scopes.h"
#include "server/model/search_text.h"
#include "server/service/access.h"

namespace heim {
namespace {

// Rows that are looked at, at once and for one answer.
constexpr uint32_t kPage = 500;
constexpr int kPagesMax = 20;

bool Lists(const Caller& caller, std::string_view scope) {
  return caller.is_session() || HasScope(caller.scopes, scope);
}

// Channels that the caller may read, by name, until `on_channel` answers false.
absl::Status ForEachChannel(ReadTx& tx, const Caller& caller,
                            absl::FunctionRef<bool(v1::Channel)> on_channel) {
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role,
                        CheckWorkspaceRole(tx, caller, Permission::kSearch));
  if (!Lists(caller, kScopeChannelsRead)) return absl::OkStatus();
  ChannelFilter filter;
  filter.include_archived = true;
  filter.joined_only = role == v1::WORKSPACE_ROLE_GUEST;
  filter.limit = kPage;
  for (int page = 0; page < kPagesMax; ++page) {
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Channel> channels,
                          tx.channels.List(caller.workspace_id, caller.actor_id, filter));
    if (channels.empty()) break;
    filter.after_name = channels.back().name();
    filter.after_id = channels.back().id();
    const bool last = channels.size() < kPage;
    for (v1::Channel& channel : channels) {
      // Direct messages have no names.
      if (!channel.name().empty() && !on_channel(std::move(channel))) return absl::OkStatus();
    }
    if (last) break;
  }
  return absl::OkStatus();
}

v1::SearchSuggestion SuggestionOf(v1::Channel channel) {
  v1::SearchSuggestion suggestion;
  suggestion.set_text(StrCat("in:#", channel.name()));
  *suggestion.mutable_channel() = std::move(channel);
  return suggestion;
}

v1::SearchSuggestion SuggestionOf(v1::ActorRef actor) {
  v1::SearchSuggestion suggestion;
  suggestion.set_text(StrCat("from:@", actor.username()));
  *suggestion.mutable_actor() = std::move(actor);
  return suggestion;
}

}  // namespace

NameQuery NameQuery::Of(const SearchQuery& query) {
  NameQuery names;
  for (SearchTerm term : query.terms) {
    term.prefix = !term.negated;
    names.query.terms.push_back(std::move(term));
  }
  return names;
}

NameQuery NameQuery::Typed(std::string_view text) {
  SearchQuery query;
  SearchTerm term;
  for (SearchToken& token : SearchTokens(text)) term.words.push_back(std::move(token.text));
  if (!term.words.empty()) query.terms.push_back(std::move(term));
  return Of(query);
}

absl::StatusOr<std::vector<v1::Channel>> FindChannels(ReadTx& tx, const Caller& caller,
                                                      const NameQuery& names, uint32_t limit) {
  std::vector<v1::Channel> found;
  HEIM_RETURN_IF_ERROR(ForEachChannel(tx, caller, [&](v1::Channel channel) {
    const std::string text = StrCat(channel.name(), "\n", channel.topic(), "\n", channel.purpose());
    if (MatchText(names.query, text)) found.push_back(std::move(channel));
    return found.size() < limit;
  }));
  return found;
}

absl::StatusOr<std::vector<v1::ActorRef>> FindActors(ReadTx& tx, const Caller& caller,
                                                     const NameQuery& names, uint32_t limit) {
  std::vector<v1::ActorRef> found;
  if (!Lists(caller, kScopeActorsRead)) return found;
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role,
                        CheckWorkspaceRole(tx, caller, Permission::kReadPresence));
  ActorFilter filter;
  if (role == v1::WORKSPACE_ROLE_GUEST) filter.shares_channel_with = caller.actor_id;
  filter.limit = kPage;
  for (int page = 0; page < kPagesMax; ++page) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<v1::Actor> actors,
                          tx.actors.List(caller.workspace_id, filter));
    for (const v1::Actor& actor : actors) {
      const std::string text = StrCat(actor.username(), "\n", actor.display_name());
      if (MatchText(names.query, text)) found.push_back(RefOf(actor));
      if (found.size() == limit) return found;
    }
    if (actors.size() < kPage) break;
    filter.after_username = actors.back().username();
  }
  return found;
}

absl::Status Suggest(ReadTx& tx, const Caller& caller, std::string_view typed, uint32_t limit,
                     v1::SuggestSearchResponse* response) {
  const bool only_channels = StartsWith(typed, "#");
  const bool only_actors = StartsWith(typed, "@");
  const NameQuery names = NameQuery::Typed(typed);
  // Nothing but punctuation begins no name; the bare mark asks for all.
  if (names.query.empty() && typed != "#" && typed != "@") {
    return CheckWorkspace(tx, caller, Permission::kSearch);
  }
  std::vector<v1::Channel> others;
  HEIM_RETURN_IF_ERROR(ForEachChannel(tx, caller, [&](v1::Channel channel) {
    if (only_actors) return false;
    if (channel.archived() || !MatchText(names.query, channel.name())) return true;
    if (channel.has_me()) {
      *response->add_suggestions() = SuggestionOf(std::move(channel));
    } else {
      others.push_back(std::move(channel));
    }
    return response->suggestions_size() < static_cast<int>(limit);
  }));
  const auto left = [&] { return limit - static_cast<uint32_t>(response->suggestions_size()); };
  for (v1::Channel& channel : others) {
    if (left() > 0) *response->add_suggestions() = SuggestionOf(std::move(channel));
  }
  if (only_channels || left() == 0) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(std::vector<v1::ActorRef> actors, FindActors(tx, caller, names, left()));
  for (v1::ActorRef& actor : actors) *response->add_suggestions() = SuggestionOf(std::move(actor));
  return absl::OkStatus();
}

}  // namespace heim
