#include "server/service/search_service.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/page.h"
#include "server/model/search_query.h"
#include "server/model/search_text.h"
#include "server/model/time.h"
#include "server/service/search_hits.h"
#include "server/service/search_names.h"

namespace heim {
namespace {

constexpr uint32_t kOfEachKind = 5;
constexpr uint32_t kSuggestions = 8;
// Messages whose files are looked at.
constexpr uint32_t kMessagesWithFiles = 50;

std::vector<std::string> WithoutMark(const google::protobuf::RepeatedPtrField<std::string>& names,
                                     std::string_view mark) {
  std::vector<std::string> bare;
  for (const std::string& name : names) {
    bare.push_back(StartsWith(name, mark) ? name.substr(mark.size()) : name);
  }
  return bare;
}

absl::StatusOr<SearchQuery> QueryOf(const v1::SearchMessagesRequest& request) {
  HEIM_ASSIGN_OR_RETURN(SearchQuery query, ParseSearchQuery(request.q()));
  query.also_from = WithoutMark(request.from(), "@");
  query.also_in = WithoutMark(request.in(), "#");
  if (request.has_after()) {
    const int64_t after = absl::ToUnixMillis(FromTimestamp(request.after()));
    query.after_ms = std::max(query.after_ms.value_or(after), after);
  }
  if (request.has_before()) {
    const int64_t before = absl::ToUnixMillis(FromTimestamp(request.before()));
    query.before_ms = std::min(query.before_ms.value_or(before), before);
  }
  for (const int has : request.has()) query.flags |= FlagOf(static_cast<v1::SearchHas>(has));
  if (request.type() == v1::ACTOR_TYPE_AGENT) query.flags |= kByAgent;
  if (request.type() == v1::ACTOR_TYPE_HUMAN) query.flags |= kByHuman;
  if (!request.thread().empty()) query.thread = request.thread();
  if (query.empty()) return InvalidQuery("Nothing is looked for: words or filters are needed");
  return query;
}

v1::SearchOrder OrderOf(v1::SearchOrder asked, const SearchQuery& query) {
  // Without words nothing is more relevant than anything else.
  if (!query.has_words()) return v1::SEARCH_ORDER_NEWEST;
  return asked == v1::SEARCH_ORDER_UNSPECIFIED ? v1::SEARCH_ORDER_RELEVANCE : asked;
}

// What a cursor belongs to: the same search.
std::string NameOf(v1::SearchMessagesRequest request) {
  request.clear_cursor();
  request.clear_limit();
  request.clear_min_position();
  return StrCat("search/", request.SerializeAsString());
}

// What one search is about, kept until its answer.
struct Asked {
  SearchQuery query;
  v1::SearchOrder order;
  uint32_t limit;
  std::string name;
  SearchPlace place;
};

absl::StatusOr<Asked> Understand(const v1::SearchMessagesRequest& request) {
  Asked asked{};
  HEIM_ASSIGN_OR_RETURN(asked.query, QueryOf(request));
  asked.order = OrderOf(request.order(), asked.query);
  asked.limit = request.limit() == 0 ? kSearchPageDefault : request.limit();
  asked.name = NameOf(request);
  if (request.cursor().empty()) return asked;
  HEIM_ASSIGN_OR_RETURN(const std::string key, DecodeCursor(request.cursor(), asked.name));
  HEIM_ASSIGN_OR_RETURN(asked.place, SearchPlace::Parse(key));
  return asked;
}

absl::Status FindPage(ReadTx& tx, const Caller& caller, MessageIndex& index, const Asked& asked,
                      v1::SearchMessagesResponse* response) {
  response->Clear();
  HEIM_ASSIGN_OR_RETURN(SearchHits hits,
                        SearchHits::Open(tx, caller, index, asked.query, asked.order));
  SearchPlace place = asked.place;
  HEIM_ASSIGN_OR_RETURN(const bool ended,
                        hits.ForEach(&place, asked.limit + 1, [&](v1::SearchHit hit) {
                          if (response->hits_size() == static_cast<int>(asked.limit)) return false;
                          *response->add_hits() = std::move(hit);
                          return true;
                        }));
  if (ended) return absl::OkStatus();
  response->set_has_more(true);
  response->set_next_cursor(EncodeCursor(asked.name, place.Format()));
  return absl::OkStatus();
}

v1::File FileOf(const v1::Attachment& attachment) {
  v1::File file;
  file.set_id(attachment.file_id());
  file.set_filename(attachment.filename());
  file.set_mime_type(attachment.mime_type());
  file.set_size_bytes(attachment.size_bytes());
  if (attachment.has_width()) file.set_width(attachment.width());
  if (attachment.has_height()) file.set_height(attachment.height());
  if (attachment.has_preview()) *file.mutable_preview() = attachment.preview();
  return file;
}

// Each file once, with the newest message that carries it.
void AddFiles(const SearchQuery& query, const v1::Message& message, uint32_t limit,
              v1::SearchResponse* response) {
  for (const v1::Attachment& attachment : message.attachments()) {
    if (response->files_size() == static_cast<int>(limit)) return;
    if (attachment.has_deleted_at() || !MatchText(query, attachment.filename())) continue;
    const bool known =
        std::any_of(response->files().begin(), response->files().end(),
                    [&](const auto& hit) { return hit.file().id() == attachment.file_id(); });
    if (known) continue;
    v1::FileHit& hit = *response->add_files();
    *hit.mutable_file() = FileOf(attachment);
    hit.set_message_id(message.id());
    hit.set_channel_id(message.channel_id());
  }
}

absl::Status FindAll(ReadTx& tx, const Caller& caller, MessageIndex& index,
                     const SearchQuery& query, uint32_t limit, v1::SearchResponse* response) {
  response->Clear();
  HEIM_ASSIGN_OR_RETURN(
      SearchHits hits,
      SearchHits::Open(tx, caller, index, query, OrderOf(v1::SEARCH_ORDER_UNSPECIFIED, query)));
  SearchPlace begin;
  HEIM_RETURN_IF_ERROR(hits.ForEach(&begin, limit,
                                    [&](v1::SearchHit hit) {
                                      if (response->messages_size() == static_cast<int>(limit))
                                        return false;
                                      *response->add_messages() = std::move(hit);
                                      return true;
                                    })
                           .status());
  if (!query.has_words()) return absl::OkStatus();
  SearchQuery with_files = query;
  with_files.flags |= kHasFile;
  HEIM_ASSIGN_OR_RETURN(SearchHits carriers,
                        SearchHits::Open(tx, caller, index, with_files, v1::SEARCH_ORDER_NEWEST));
  SearchPlace newest;
  uint32_t looked_at = 0;
  HEIM_RETURN_IF_ERROR(carriers
                           .ForEach(&newest, limit,
                                    [&](v1::SearchHit hit) {
                                      AddFiles(query, hit.message(), limit, response);
                                      return ++looked_at < kMessagesWithFiles &&
                                             response->files_size() < static_cast<int>(limit);
                                    })
                           .status());
  const NameQuery names = NameQuery::Of(query);
  HEIM_ASSIGN_OR_RETURN(std::vector<v1::Channel> channels, FindChannels(tx, caller, names, limit));
  for (v1::Channel& channel : channels) *response->add_channels() = std::move(channel);
  HEIM_ASSIGN_OR_RETURN(std::vector<v1::ActorRef> actors, FindActors(tx, caller, names, limit));
  for (v1::ActorRef& actor : actors) *response->add_actors() = std::move(actor);
  return absl::OkStatus();
}

}  // namespace

void SearchService::SearchMessages(CallContext& context, const v1::SearchMessagesRequest& request,
                                   Reply<v1::SearchMessagesResponse> reply) {
  auto understood = Understand(request);
  if (!understood.ok()) return reply(understood.status());
  const WorkspaceId workspace = context.caller.workspace_id;
  auto answer = [this, &context, workspace, asked = *std::move(understood),
                 reply = std::move(reply)](const absl::Status& may) mutable {
    if (!may.ok()) return reply(may);
    v1::SearchMessagesResponse response;
    // Before the index is asked: what it says is in what was found.
    const uint64_t position = deps_.progress.PositionOf(workspace);
    const absl::Status status = deps_.store.Read(
        [&](ReadTx& tx) { return FindPage(tx, context.caller, deps_.index, asked, &response); });
    if (!status.ok()) return reply(status);
    response.set_indexed_position(position);
    response.set_rebuilding(deps_.progress.rebuilding());
    reply(std::move(response));
  };
  AnswerWhenIndexed(workspace, request.min_position(), std::move(answer));
}

void SearchService::Search(CallContext& context, const v1::SearchRequest& request,
                           Reply<v1::SearchResponse> reply) {
  auto query = ParseSearchQuery(request.q());
  if (query.ok() && query->empty()) query = InvalidQuery("Nothing is looked for");
  if (!query.ok()) return reply(query.status());
  const WorkspaceId workspace = context.caller.workspace_id;
  const uint32_t limit = request.limit() == 0 ? kOfEachKind : request.limit();
  auto answer = [this, &context, workspace, limit, query = *std::move(query),
                 reply = std::move(reply)](const absl::Status& may) mutable {
    if (!may.ok()) return reply(may);
    v1::SearchResponse response;
    const uint64_t position = deps_.progress.PositionOf(workspace);
    const absl::Status status = deps_.store.Read([&](ReadTx& tx) {
      return FindAll(tx, context.caller, deps_.index, query, limit, &response);
    });
    if (!status.ok()) return reply(status);
    response.set_indexed_position(position);
    reply(std::move(response));
  };
  AnswerWhenIndexed(workspace, request.min_position(), std::move(answer));
}

void SearchService::AnswerWhenIndexed(const WorkspaceId& workspace, uint64_t position,
                                      absl::AnyInvocable<void(absl::Status)> answer) {
  if (deps_.progress.PositionOf(workspace) >= position) return answer(absl::OkStatus());
  // Shared, so that it can still be called when the Executor did not take it.
  auto kept = std::make_shared<absl::AnyInvocable<void(absl::Status)>>(std::move(answer));
  deps_.progress.WhenReached(workspace, position, kSearchWaitMax, [this, kept] {
    if (deps_.executor.TryPost([kept] { (*kept)(absl::OkStatus()); })) return;
    (*kept)(MakeError(v1::ERROR_REASON_OVERLOADED, "The server has too much to do"));
  });
}

void SearchService::SuggestSearch(CallContext& context, const v1::SuggestSearchRequest& request,
                                  Reply<v1::SuggestSearchResponse> reply) {
  const uint32_t limit = request.limit() == 0 ? kSuggestions : request.limit();
  v1::SuggestSearchResponse response;
  const absl::Status status = deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    response.Clear();
    return Suggest(tx, context.caller, request.q(), limit, &response);
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
