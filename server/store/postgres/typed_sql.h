// The repositories' SQL as PostgreSQL is given it: every parameter says its type, which PostgreSQL
// would else guess from what stands beside it (a number next to a 0 would be one of 32 bits). Pure;
// any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "server/store/sql.h"

namespace heim {

// What the statement does, for whoever must know whether there is something to undo.
enum class SqlKind { kRead, kWrite, kCommand };

// By its first word. Commands are all that have no parameters and are not worth preparing.
SqlKind KindOf(std::string_view sql);

// One letter for each parameter: its type. NULL has none.
std::string TypesOf(absl::Span<const SqlValue> parameters);

// The text with a cast behind each $n outside of literals; `types` as TypesOf gives them.
std::string WithTypes(std::string_view sql, std::string_view types);

}  // namespace heim
