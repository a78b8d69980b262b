#include <utility>

#include "gateway/http/call_setup.h"
#include "gateway/http/calls.h"
#include "gateway/http/disposition.h"
#include "gateway/http/handlers.h"
#include "gateway/http/http_error.h"
#include "gateway/http/http_limits.h"
#include "gateway/http/raw_body.h"
#include "gateway/http/transcode.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"

namespace heim {
namespace {

using Timer = Connection::Timer;

// Around the file in a form.
constexpr int64_t kFormMaxBytes = 64 * 1024;

// How the body of an upload holds its file.
struct UploadForm {
  std::optional<MultipartReader> multipart;            // else the body is the file
  FileFacts facts;                                     // of a plain body
  std::unique_ptr<google::protobuf::Message> address;  // what the URL says of the first message
};

absl::StatusOr<UploadForm> ReadForm(const RequestHead& head, const MethodInfo& method,
                                    const RouteMatch& match) {
  UploadForm form;
  HEIM_ASSIGN_OR_RETURN(const std::vector<QueryParameter> query, ParseQuery(head.query));
  const std::string_view type = head.Get("Content-Type");
  if (method.policy.raw_body().multipart() && MediaType(type) == "multipart/form-data") {
    const auto boundary = HeaderParameter(type, "boundary");
    if (!boundary.has_value() || boundary->empty() || boundary->size() > 70) {
      return InvalidHttp("multipart/form-data needs a boundary of 1 to 70 characters");
    }
    form.multipart.emplace(*boundary);
  }
  const Disposition disposition = ParseDisposition(head.Get("Content-Disposition"));
  form.facts.filename = disposition.filename.value_or("");
  for (const QueryParameter& parameter : query) {
    if (parameter.name == "filename") form.facts.filename = BaseName(parameter.value);
  }
  HEIM_ASSIGN_OR_RETURN(form.address, MessageFromAddress(method, match.variables, query));
  form.facts.mime_type = MediaType(type);
  form.facts.size_bytes = static_cast<int64_t>(head.content_length.value_or(0));
  return form;
}

absl::Status TooLarge(int64_t max_bytes) {
  return MakeError(v1::ERROR_REASON_FILE_TOO_LARGE,
                   StrCat("A file has at most ", max_bytes, " bytes"));
}

absl::Status CheckFacts(const FileFacts& facts) {
  if (IsValidUtf8(facts.filename) && IsValidUtf8(facts.mime_type)) return absl::OkStatus();
  return InvalidField("filename", "text in UTF-8");
}

// What the next piece of the body holds of the file.
absl::Status TakeFile(UploadForm* form, std::string* piece, bool* header_known) {
  if (!form->multipart.has_value()) {
    *header_known = true;
    return absl::OkStatus();
  }
  std::string data;
  HEIM_RETURN_IF_ERROR(form->multipart->Feed(*piece, &data));
  *piece = std::move(data);
  if (!*header_known && form->multipart->part().has_value()) {
    *header_known = true;
    form->facts = {form->multipart->part()->filename,
                   MediaType(form->multipart->part()->content_type), 0};
  }
  return absl::OkStatus();
}

// Whatever the call answers before the end is an error: the rest is not worth reading.
bool WantsNoMore(Connection& connection, StreamCall& stream, FrameBatch* batch) {
  if (!batch->ended && batch->frames.empty()) {
    batch->ended = stream.Pull(kPullBytes, &batch->frames) == FrameSource::State::kEnded;
  }
  return batch->ended || connection.closed();
}

Task<absl::Status> FeedHeader(std::shared_ptr<Connection> connection, const MethodInfo* method,
                              std::shared_ptr<StreamCall> stream,
                              std::shared_ptr<UploadForm> form) {
  const absl::Status good = CheckFacts(form->facts);
  if (!good.ok()) co_return good;
  std::unique_ptr<google::protobuf::Message> first = HeaderMessage(*method, form->facts);
  first->MergeFrom(*form->address);
  co_await FeedStream(connection, stream, std::move(first));
  co_return absl::OkStatus();
}

// Streams the body into the call. OK at the end of the file, and when the call wants no more.
Task<absl::Status> FeedBody(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                            std::shared_ptr<StreamCall> stream, std::shared_ptr<UploadForm> form,
                            std::shared_ptr<FrameBatch> batch) {
  const std::shared_ptr<Connection> connection = exchange->connection();
  const int64_t max_bytes = exchange->front().options.file_max_bytes;
  const int64_t around = form->multipart.has_value() ? kFormMaxBytes : 0;
  bool header_known = false;
  bool header_sent = false;
  if (!form->multipart.has_value()) {
    // What is too large by its own account is refused before a byte of it is read.
    const absl::Status good = co_await FeedHeader(connection, method, stream, form);
    if (!good.ok()) co_return good;
    header_sent = true;
    if (WantsNoMore(*connection, *stream, batch.get())) co_return absl::OkStatus();
  }
  int64_t total = 0;
  while (true) {
    connection->Arm(Timer::kRead, kBodyTimeout);
    absl::StatusOr<std::string> piece =
        co_await exchange->ReadPiece(static_cast<uint64_t>(max_bytes + around));
    connection->Disarm(Timer::kRead);
    if (!piece.ok()) {
      const bool large = ReasonOf(piece.status()) == v1::ERROR_REASON_PAYLOAD_TOO_LARGE;
      co_return large ? TooLarge(max_bytes) : piece.status();
    }
    const bool last = piece->empty();
    absl::Status good = TakeFile(form.get(), &*piece, &header_known);
    if (good.ok() && header_known && !std::exchange(header_sent, true)) {
      good = co_await FeedHeader(connection, method, stream, form);
    }
    if (!good.ok()) co_return good;
    total += static_cast<int64_t>(piece->size());
    if (total > max_bytes) co_return TooLarge(max_bytes);
    if (!piece->empty()) {
      co_await FeedStream(connection, stream, ChunkMessage(*method, *std::move(piece)));
    }
    if (last) break;
    if (WantsNoMore(*connection, *stream, batch.get())) co_return absl::OkStatus();
  }
  if (!header_sent) co_return InvalidField("file", "a part with a filename");
  if (form->multipart.has_value() && !form->multipart->finished()) {
    co_return InvalidHttp("The form ends before its file");
  }
  co_return absl::OkStatus();
}

int StatusOf(const CallContext& context, const MethodInfo& method) {
  if (context.http_status != 0) return context.http_status;
  return method.policy.http_status() != 0 ? static_cast<int>(method.policy.http_status()) : 200;
}

}  // namespace

Task<void> ServeUpload(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                       RouteMatch match) {
  absl::StatusOr<PreparedCall> call = PrepareCall(*exchange, *method);
  if (!call.ok()) co_return co_await exchange->RespondError(call.status());
  absl::StatusOr<UploadForm> read = ReadForm(exchange->head(), *method, match);
  if (!read.ok()) co_return co_await exchange->RespondError(read.status());
  auto form = std::make_shared<UploadForm>(*std::move(read));
  const std::shared_ptr<CallContext> context = call->context;
  OpenedStream opened = co_await OpenMethod(exchange, method, *std::move(call), nullptr);
  if (!opened.ok()) {
    HttpResponse refused = CallErrorResponse(*exchange, opened.status(), *context);
    co_return co_await exchange->Respond(std::move(refused));
  }
  const std::shared_ptr<StreamCall> stream = *std::move(opened);
  const std::shared_ptr<Connection> connection = exchange->connection();
  WakeOnReady(connection, *stream);
  auto batch = std::make_shared<FrameBatch>();
  const absl::Status fed = co_await FeedBody(exchange, method, stream, form, batch);
  if (!fed.ok()) {
    stream->Cancel();
    co_return co_await exchange->RespondError(fed);
  }
  stream->FeedDone();
  absl::StatusOr<FramePtr> frame = co_await NextFrame(connection, stream, batch, kDeadlineDefault);
  stream->Cancel();
  if (!frame.ok()) co_return co_await exchange->RespondError(frame.status());
  if (*frame == nullptr || (*frame)->kind() != Frame::Kind::kMessage) {
    co_return co_await exchange->RespondError(absl::InternalError("the upload has no answer"));
  }
  std::string json;
  AppendResponse(*match.binding, (*frame)->message(), Dialect::kHeim, &json);
  HttpResponse response = JsonResponse(StatusOf(*context, *method), std::move(json));
  AddContextHeaders(exchange->front(), *context, &response);
  co_await exchange->Respond(std::move(response));
}

namespace {

// A download that has said what it is.
struct OpenDownload {
  std::shared_ptr<StreamCall> stream;
  std::shared_ptr<FrameBatch> batch = std::make_shared<FrameBatch>();
  DownloadFacts facts;
};

Task<absl::StatusOr<OpenDownload>> StartDownload(std::shared_ptr<Exchange> exchange,
                                                 const MethodInfo* method, RouteMatch match,
                                                 std::optional<ByteRange> range,
                                                 std::shared_ptr<CallContext>* context) {
  absl::StatusOr<PreparedCall> call = PrepareCall(*exchange, *method);
  if (!call.ok()) co_return call.status();
  auto request = RequestFromUrl(*exchange, *method, match);
  if (!request.ok()) co_return request.status();
  if (range.has_value()) SetRange(*range, request->get());
  *context = call->context;
  OpenedStream opened =
      co_await OpenMethod(exchange, method, *std::move(call), *std::move(request));
  if (!opened.ok()) co_return opened.status();
  OpenDownload download;
  download.stream = *std::move(opened);
  WakeOnReady(exchange->connection(), *download.stream);
  absl::StatusOr<FramePtr> first =
      co_await NextFrame(exchange->connection(), download.stream, download.batch, kDeadlineDefault);
  std::optional<DownloadFacts> facts;
  if (first.ok() && *first != nullptr && (*first)->kind() == Frame::Kind::kMessage) {
    facts = ReadDownloadFacts(*method, (*first)->message());
  }
  if (!facts.has_value()) {
    download.stream->Cancel();
    co_return first.ok() ? absl::InternalError("the download has no header") : first.status();
  }
  download.facts = *std::move(facts);
  co_return download;
}

Task<void> SendFile(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                    OpenDownload download) {
  const bool counted = download.facts.length.has_value();
  int64_t left = download.facts.length.value_or(1);
  while (left > 0) {
    absl::StatusOr<FramePtr> frame = co_await NextFrame(exchange->connection(), download.stream,
                                                        download.batch, kDeadlineDefault);
    if (!counted && frame.ok() && *frame == nullptr) left = 0;
    if (!frame.ok() || *frame == nullptr || (*frame)->kind() != Frame::Kind::kMessage) break;
    std::string chunk = TakeChunk(*method, (*frame)->message());
    if (counted) left -= static_cast<int64_t>(chunk.size());
    if (left < 0 || !co_await exchange->Write(std::move(chunk))) break;
  }
  download.stream->Cancel();
  // What is not whole can say so only by the end of the connection.
  if (left == 0 || counted) co_await exchange->End();
  exchange->Log();
  if (left != 0) exchange->connection()->Close();
}

// With the part that is wanted, unless If-Range says that the client has one of another version:
// then it gets this one whole, and `range` is cleared.
Task<absl::StatusOr<OpenDownload>> StartAsAsked(std::shared_ptr<Exchange> exchange,
                                                const MethodInfo* method, RouteMatch match,
                                                std::optional<ByteRange>* range,
                                                std::shared_ptr<CallContext>* context) {
  absl::StatusOr<OpenDownload> part =
      co_await StartDownload(exchange, method, match, *range, context);
  const RequestHead& head = exchange->head();
  if (!range->has_value() || !head.Has("If-Range")) co_return part;
  const std::string_view wanted = head.Get("If-Range");
  if (part.ok() && wanted == part->facts.etag()) co_return part;
  const bool beyond = ReasonOf(part.status()) == v1::ERROR_REASON_RANGE_NOT_SATISFIABLE;
  if (!part.ok() && !beyond) co_return part;
  if (part.ok()) part->stream->Cancel();
  absl::StatusOr<OpenDownload> whole =
      co_await StartDownload(exchange, method, match, std::nullopt, context);
  if (beyond && whole.ok() && wanted == whole->facts.etag()) {
    whole->stream->Cancel();
    co_return part;
  }
  range->reset();
  co_return whole;
}

HttpResponse NoRange(Exchange& exchange, const absl::Status& error, const CallContext& context) {
  HttpResponse response = CallErrorResponse(exchange, error, context);
  const v1::Error shown = ToError(error, exchange.request_id());
  const auto size = shown.details().fields().find("size_bytes");
  if (size != shown.details().fields().end()) {
    const auto bytes = static_cast<int64_t>(size->second.number_value());
    response.Add("Content-Range", StrCat("bytes */", bytes));
  }
  return response;
}

}  // namespace

Task<void> ServeDownload(std::shared_ptr<Exchange> exchange, const MethodInfo* method,
                         RouteMatch match) {
  const RequestHead& head = exchange->head();
  std::optional<ByteRange> range = ParseRange(head.Get("Range"));
  if (!TakesRanges(*method)) range.reset();
  // Filled once the call has begun.
  auto context = std::make_shared<CallContext>();
  absl::StatusOr<OpenDownload> download =
      co_await StartAsAsked(exchange, method, match, &range, &context);
  if (!download.ok()) {
    HttpResponse failed = NoRange(*exchange, download.status(), *context);
    co_return co_await exchange->Respond(std::move(failed));
  }
  const DownloadFacts& facts = download->facts;
  // Of an empty file there is no part: it is answered whole.
  if (facts.length.value_or(0) == 0) range.reset();
  HttpResponse response;
  AddFileHeaders(facts, &response);
  AddContextHeaders(exchange->front(), *context, &response);
  if (!facts.sha256.empty() && MatchesTag(head.Get("If-None-Match"), facts.etag())) {
    download->stream->Cancel();
    response.status = 304;
    co_return co_await exchange->Respond(std::move(response));
  }
  if (range.has_value()) {
    response.status = 206;
    response.Add("Content-Range", StrCat("bytes ", facts.offset, "-",
                                         facts.offset + *facts.length - 1, "/", facts.size_bytes));
  }
  std::optional<uint64_t> length;
  if (facts.length.has_value()) length = static_cast<uint64_t>(*facts.length);
  if (!co_await exchange->Begin(std::move(response), length)) {
    download->stream->Cancel();
    co_return exchange->Log();
  }
  if (exchange->head_only()) {
    download->stream->Cancel();
    co_await exchange->End();
    co_return;
  }
  co_await SendFile(exchange, method, *std::move(download));
}

}  // namespace heim
