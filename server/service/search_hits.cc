#include "server/service/search_hits.h"

#include <bit>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "server/base/ids.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/service/access.h"

namespace heim {
namespace {

// Candidates that are asked for beside those expected, as some may be gone by now; and in further
// rounds, when very many are.
constexpr uint32_t kSpare = 8;
constexpr uint32_t kFurther = 256;
constexpr int kRoundsMax = 6;

constexpr std::string_view kMe = "me";

// An id, or what the name stands for. What nobody has stays, and is found nowhere.
absl::Status ResolveActor(ReadTx& tx, const Caller& caller, std::string* name) {
  if (*name == kMe) {
    *name = caller.actor_id.str();
    return absl::OkStatus();
  }
  if (IsUuid(*name)) return absl::OkStatus();
  const auto actor = tx.actors.GetByUsername(AsciiLower(*name));
  if (ReasonOf(actor.status()) == v1::ERROR_REASON_ACTOR_NOT_FOUND) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(actor.status());
  *name = actor->id();
  return absl::OkStatus();
}

void ResolveChannel(const std::vector<ReadableChannel>& readable, std::string* name) {
  for (const ReadableChannel& one : readable) {
    if (!one.channel.name.empty() && EqualsIgnoreCase(one.channel.name, *name)) {
      *name = one.channel.id.str();
      return;
    }
  }
}

absl::StatusOr<std::string> ResolveThread(ReadTx& tx, const Caller& caller,
                                          const std::string& named) {
  const auto access = AccessMessage(tx, caller, MessageId(named), Permission::kReadChannel);
  // Stays as it is: only what names it as its thread, and may be read itself, is of it.
  if (ReasonOf(access.status()) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) return named;
  HEIM_RETURN_IF_ERROR(access.status());
  const v1::Message& message = access->message;
  return message.has_thread_id() ? message.thread_id() : message.id();
}

absl::Status InvalidCursor() {
  return MakeError(v1::ERROR_REASON_INVALID_CURSOR, "The page cursor is not one of ours");
}

}  // namespace

std::string SearchPlace::Format() const {
  return absl::StrCat(newest, "/", std::bit_cast<uint64_t>(after.score), "/", after.place);
}

absl::StatusOr<SearchPlace> SearchPlace::Parse(std::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(text), '/');
  SearchPlace place;
  uint64_t score = 0;
  const bool right = parts.size() == 3 && absl::SimpleAtoi(parts[0], &place.newest) &&
                     absl::SimpleAtoi(parts[1], &score) &&
                     absl::SimpleAtoi(parts[2], &place.after.place) && place.newest > 0 &&
                     place.after.place >= 0;
  if (!right) return InvalidCursor();
  place.after.score = std::bit_cast<double>(score);
  return place;
}

absl::StatusOr<SearchHits> SearchHits::Open(ReadTx& tx, const Caller& caller, MessageIndex& index,
                                            SearchQuery query, v1::SearchOrder order) {
  SearchHits hits(tx, caller, index, std::move(query), order);
  HEIM_ASSIGN_OR_RETURN(const std::vector<ReadableChannel> readable, ReadableChannels(tx, caller));
  HEIM_RETURN_IF_ERROR(hits.ResolveNames(readable));
  hits.channels_.reserve(readable.size());
  for (const ReadableChannel& one : readable) {
    hits.channels_.push_back({one.channel.id, one.from_seq});
  }
  return hits;
}

absl::Status SearchHits::ResolveNames(const std::vector<ReadableChannel>& readable) {
  for (std::vector<std::string>* names : {&query_.from, &query_.also_from, &query_.not_from}) {
    for (std::string& name : *names) HEIM_RETURN_IF_ERROR(ResolveActor(*tx_, *caller_, &name));
  }
  for (std::vector<std::string>* names : {&query_.in, &query_.also_in, &query_.not_in}) {
    for (std::string& name : *names) ResolveChannel(readable, &name);
  }
  if (!query_.thread.has_value()) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(query_.thread, ResolveThread(*tx_, *caller_, *query_.thread));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::SearchHit>> SearchHits::Look(const MessageId& id) {
  auto access = AccessMessage(*tx_, *caller_, id, Permission::kReadChannel);
  if (ReasonOf(access.status()) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) {
    return std::optional<v1::SearchHit>();
  }
  HEIM_RETURN_IF_ERROR(access.status());
  std::optional<SearchExcerpt> excerpt = MatchMessage(query_, access->message);
  if (!excerpt.has_value()) return std::optional<v1::SearchHit>();
  v1::SearchHit hit;
  *hit.mutable_message() = std::move(access->message);
  hit.set_snippet(std::move(excerpt->snippet));
  for (v1::Highlight& highlight : excerpt->highlights) {
    *hit.add_highlights() = std::move(highlight);
  }
  return std::make_optional(std::move(hit));
}

absl::StatusOr<bool> SearchHits::ForEach(SearchPlace* place, uint32_t expected,
                                         absl::FunctionRef<bool(v1::SearchHit)> on_hit) {
  IndexSearch search{.workspace_id = caller_->workspace_id,
                     .query = query_,
                     .channels = channels_,
                     .order = order_,
                     .after = std::nullopt};
  search.newest = place->newest;
  if (place->newest != 0) search.after = place->after;
  for (int round = 0; round < kRoundsMax; ++round) {
    search.limit = round == 0 ? expected + kSpare : kFurther;
    HEIM_ASSIGN_OR_RETURN(const IndexAnswer answer, index_->Find(search));
    if (search.newest == 0) search.newest = place->newest = answer.newest;
    for (const IndexHit& candidate : answer.hits) {
      HEIM_ASSIGN_OR_RETURN(std::optional<v1::SearchHit> hit, Look(candidate.id));
      if (hit.has_value() && !on_hit(*std::move(hit))) return false;
      place->after = candidate;
    }
    if (answer.hits.size() < search.limit) return true;
    search.after = place->after;
  }
  // Very many were gone: the caller may go on from here.
  return false;
}

}  // namespace heim
