// What a request can turn out to be, one coroutine each. Free functions on the connection's strand;
// none blocks. Each answers its exchange once.
#pragma once

#include <memory>

#include "gateway/http/exchange.h"
#include "gateway/http/net.h"
#include "gateway/http/route_trie.h"
#include "server/rpc/method_table.h"

namespace heim {

// Serves a connection from its first byte to its end.
Task<void> ServeConnection(Front* front, std::shared_ptr<Connection> connection);

// Finds out which of the following a request is.
Task<void> ServeRequest(std::shared_ptr<Exchange> exchange);

// A unary method by its REST binding.
Task<void> ServeUnary(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                      RouteMatch match);
// A unary method by POST /package.Service/Method, as Connect clients call it.
Task<void> ServeConnect(std::shared_ptr<Exchange> exchange, const MethodInfo* method);
// A client stream with raw_body: the request's body is the file.
Task<void> ServeUpload(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                       RouteMatch match);
// A server stream with raw_body: the answer's body is the file.
Task<void> ServeDownload(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                         RouteMatch match);
// Any other server stream, as server-sent events.
Task<void> ServeEvents(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                       RouteMatch match);
// A bidirectional method as a WebSocket; the connection ends with it.
Task<void> ServeSocket(std::shared_ptr<Exchange> exchange, const MethodInfo* method);

// A path outside the contract (health, documents, pages). False when it is none.
bool FindFixed(Exchange& exchange, HttpResponse* response);

// The request of a call by GET: path variables and query. `last_event_id` fills `cursor`.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> RequestFromUrl(const Exchange& exchange,
                                                                          const MethodInfo& method,
                                                                          const RouteMatch& match);

// Fields that a handler asked for in the context: cookie, rate limit.
void AddContextHeaders(const Front& front, const CallContext& context, HttpResponse* response);

// The answer to a call that failed, with these fields where the context may be read.
HttpResponse CallErrorResponse(Exchange& exchange, const absl::Status& error,
                               const CallContext& context);

}  // namespace heim
