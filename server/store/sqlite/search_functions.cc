#include "server/store/sqlite/search_functions.h"

#include <sqlite3.h>

#include <vector>

#include "server/base/strings.h"

namespace heim {
namespace {

// The column of the index that holds what was said; others hold what is filtered by.
constexpr int kWordsColumn = 0;
// How soon further occurrences of a word stop to count, and the length of a usual message.
constexpr double kSaturation = 1.2;
constexpr double kUsualWords = 16;
constexpr double kLengthWeight = 0.6;

void May(sqlite3_context* context, int, sqlite3_value** arguments) {
  const auto& rights = *static_cast<const SearchRights*>(sqlite3_user_data(context));
  const auto found = rights.find(sqlite3_value_int64(arguments[0]));
  const bool may = found != rights.end() &&
                   static_cast<uint64_t>(sqlite3_value_int64(arguments[1])) >= found->second;
  sqlite3_result_int(context, may ? 1 : 0);
}

// As BM25, without the rareness of the words: all hits hold all of them, and counting each word in
// the whole index would cost more than everything else.
void Score(const Fts5ExtensionApi* api, Fts5Context* hit, sqlite3_context* context, int count,
           sqlite3_value** arguments) {
  int occurrences = 0;
  if (count < 1 || api->xInstCount(hit, &occurrences) != SQLITE_OK) {
    return sqlite3_result_double(context, 0);
  }
  std::vector<int> by_phrase(static_cast<size_t>(api->xPhraseCount(hit)), 0);
  for (int i = 0; i < occurrences; ++i) {
    int phrase = 0;
    int column = 0;
    int offset = 0;
    if (api->xInst(hit, i, &phrase, &column, &offset) != SQLITE_OK) break;
    if (column == kWordsColumn) ++by_phrase[static_cast<size_t>(phrase)];
  }
  const double words = sqlite3_value_double(arguments[0]);
  const double length = 1 - kLengthWeight + kLengthWeight * words / kUsualWords;
  double score = 0;
  for (const int times : by_phrase) score += times / (times + kSaturation * length);
  sqlite3_result_double(context, score);
}

fts5_api* Fts5Of(sqlite3* db) {
  fts5_api* api = nullptr;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &statement, nullptr) == SQLITE_OK) {
    sqlite3_bind_pointer(statement, 1, &api, "fts5_api_ptr", nullptr);
    sqlite3_step(statement);
  }
  sqlite3_finalize(statement);
  return api;
}

}  // namespace

absl::Status AddSearchFunctions(sqlite3* db, const SearchRights& rights) {
  fts5_api* const api = Fts5Of(db);
  if (api == nullptr) return absl::UnimplementedError("this SQLite has no full-text search (FTS5)");
  int code = api->xCreateFunction(api, "heim_score", nullptr, Score, nullptr);
  if (code == SQLITE_OK) {
    code = sqlite3_create_function_v2(db, "heim_may", 2, SQLITE_UTF8 | SQLITE_INNOCUOUS,
                                      const_cast<SearchRights*>(&rights), May, nullptr, nullptr,
                                      nullptr);
  }
  if (code != SQLITE_OK) return absl::UnavailableError(StrCat("functions: ", sqlite3_errstr(code)));
  return absl::OkStatus();
}

}  // namespace heim
