// SearchService: finding messages, channels, people and files (proto/heim/v1/search_service.proto
// says what each call needs and fails with). The index is asked with the channels that the caller
// may read, inside the snapshot in which each hit's row and the caller's rights are then read
// again. Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time;
// who waits for the index holds no thread.
#pragma once

#include "absl/functional/any_invocable.h"
#include "heim/v1/search_service.pb.h"
#include "server/base/executor.h"
#include "server/service/call.h"
#include "server/service/search_progress.h"
#include "server/store/search.h"
#include "server/store/store.h"

namespace heim {

class SearchService {
 public:
  struct Dependencies {
    Store& store;
    MessageIndex& index;
    SearchProgress& progress;
    Executor& executor;
  };

  explicit SearchService(const Dependencies& dependencies) : deps_(dependencies) {}

  void SearchMessages(CallContext& context, const v1::SearchMessagesRequest& request,
                      Reply<v1::SearchMessagesResponse> reply);
  void Search(CallContext& context, const v1::SearchRequest& request,
              Reply<v1::SearchResponse> reply);
  void SuggestSearch(CallContext& context, const v1::SuggestSearchRequest& request,
                     Reply<v1::SuggestSearchResponse> reply);

 private:
  // Calls it now, or on the Executor once the log is indexed so far, or the wait is over; with
  // OVERLOADED when the Executor is full.
  void AnswerWhenIndexed(const WorkspaceId& workspace, uint64_t position,
                         absl::AnyInvocable<void(absl::Status)> answer);

  const Dependencies deps_;
};

}  // namespace heim
