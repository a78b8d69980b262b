// SearchHits goes through what the index finds for a caller, and keeps what the caller may see: the
// one way from candidates to hits. Lives as long as the transaction; its thread; blocks on the
// database and the index.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "heim/v1/search.pb.h"
#include "server/model/caller.h"
#include "server/model/search_query.h"
#include "server/service/readable_channels.h"
#include "server/store/search.h"
#include "server/store/store.h"

namespace heim {

// Where a page ended, as its cursor says; `newest` 0: at the beginning.
struct SearchPlace {
  IndexHit after;
  int64_t newest = 0;

  std::string Format() const;
  // INVALID_CURSOR.
  static absl::StatusOr<SearchPlace> Parse(std::string_view text);
};

class SearchHits {
 public:
  // `query` names things as they were typed. What Check answers for the right to search.
  static absl::StatusOr<SearchHits> Open(ReadTx& tx, const Caller& caller, MessageIndex& index,
                                         SearchQuery query, v1::SearchOrder order);

  // Hits after `place`, until `on_hit` answers false: that one is not counted as seen. `place` is
  // where the last one before was. True when the end was reached.
  absl::StatusOr<bool> ForEach(SearchPlace* place, uint32_t expected,
                               absl::FunctionRef<bool(v1::SearchHit)> on_hit);

  const SearchQuery& query() const { return query_; }

 private:
  SearchHits(ReadTx& tx, const Caller& caller, MessageIndex& index, SearchQuery query,
             v1::SearchOrder order)
      : tx_(&tx), caller_(&caller), index_(&index), query_(std::move(query)), order_(order) {}
  absl::Status ResolveNames(const std::vector<ReadableChannel>& readable);
  // The message as it stands, if the caller may read it and it is still looked for.
  absl::StatusOr<std::optional<v1::SearchHit>> Look(const MessageId& id);

  ReadTx* tx_;
  const Caller* caller_;
  MessageIndex* index_;
  SearchQuery query_;
  v1::SearchOrder order_;
  std::vector<IndexChannel> channels_;
};

}  // namespace heim
