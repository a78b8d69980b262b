// Server-sent events, uploads and downloads over real sockets with a stream that the test plays.
#include <gtest/gtest.h>

#include "gateway/http/testing.h"
#include "heim/v1/event_service.pb.h"
#include "heim/v1/file_service.pb.h"

namespace heim::gateway_test {
namespace {

FramePtr Hello(std::string cursor) {
  v1::Control control;
  control.mutable_hello()->set_session_id("s1");
  return MakeControlFrame(std::move(control), std::move(cursor));
}

FramePtr Typing(const std::string& channel) {
  v1::Event event;
  event.mutable_typing()->set_channel_id(channel);
  return MakeEventFrame(std::move(event), "");
}

FramePtr NewMessage(const std::string& content, uint64_t position) {
  v1::Event event;
  event.set_position(position);
  event.mutable_message_new()->mutable_message()->set_content(content);
  return MakeEventFrame(std::move(event), StrCat("e.", position));
}

struct WithEvents : Running {
  WithEvents() : Running({}, false) {
    invoker.streams["heim.v1.EventService.Subscribe"] =
        [this](
            CallContext& context,
            const google::protobuf::Message* first) -> absl::StatusOr<std::shared_ptr<StreamCall>> {
      if (context.bearer != "key") return Unauthenticated("The key is not known");
      request = static_cast<const v1::SubscribeRequest&>(*first);
      return stream;
    };
    Start();
  }
  void Open(Client& client, std::string_view query = "", std::string_view more = "") {
    client.Send(StrCat("GET /api/v1/events", query,
                       " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer key\r\n", more, "\r\n"));
  }

  std::shared_ptr<FakeStream> stream = std::make_shared<FakeStream>();
  v1::SubscribeRequest request;
};

TEST(EventsTest, BeginWithThePlaceToResumeThenCarryEnvelopes) {
  WithEvents running;
  Client client(running.gateway->port());
  running.Open(client, "?cursor=e.1&channel_ids=c1&channel_ids=c2");
  const std::string head = client.Until("\r\n\r\n");
  EXPECT_NE(head.find("Content-Type: text/event-stream"), std::string::npos);
  EXPECT_NE(client.Until("\n\n").find("retry: 2000"), std::string::npos);
  running.stream->Push(Hello("e.7"));
  EXPECT_NE(client.Until("\n\n").find("id: e.7\n\n"), std::string::npos);
  const std::string hello = client.Until("\n\n");
  EXPECT_EQ(hello.find("id: e.7\nevent: hello\ndata: {\"type\":\"hello\""), 0u) << hello;
  running.stream->Push(Typing("c1"));
  EXPECT_NE(client.Until("\n\n").find("event: typing\ndata: {\"type\":\"typing\""),
            std::string::npos);
  running.stream->Push(NewMessage("line\nbreak", 8));
  const std::string message = client.Until("\n\n");
  EXPECT_NE(message.find("id: e.8\nevent: message.new\ndata: {"), std::string::npos) << message;
  EXPECT_NE(message.find("line\\nbreak"), std::string::npos);
  EXPECT_EQ(running.request.cursor(), "e.1");
  EXPECT_EQ(running.request.channel_ids_size(), 2);
  running.stream->End(absl::OkStatus());
  EXPECT_NE(client.All().find("0\r\n\r\n"), std::string::npos);
}

TEST(EventsTest, LastEventIdWinsOverTheUrl) {
  WithEvents running;
  Client client(running.gateway->port());
  running.Open(client, "?cursor=e.1", "Last-Event-ID: e.9\r\n");
  client.Until("retry: 2000");
  EXPECT_EQ(running.request.cursor(), "e.9");
}

TEST(EventsTest, ErrorsBeforeTheStreamAreOrdinaryAnswers) {
  WithEvents running;
  const Got got = running.Ask("GET", "/api/v1/events");
  EXPECT_EQ(got.status, 401);
  EXPECT_EQ(got.Get("WWW-Authenticate"), "Bearer");
}

TEST(EventsTest, AClientThatLeavesCancelsTheStream) {
  WithEvents running;
  {
    Client client(running.gateway->port());
    running.Open(client);
    client.Until("retry: 2000");
  }
  EXPECT_TRUE(running.stream->WaitCancelled());
}

struct WithFiles : Running {
  explicit WithFiles(int64_t max_bytes = 1000) : Running({}, false) {
    given.file_max_bytes = max_bytes;
    invoker.streams["heim.v1.FileService.UploadFile"] =
        [this](CallContext&,
               const google::protobuf::Message*) -> absl::StatusOr<std::shared_ptr<StreamCall>> {
      return upload;
    };
    upload->on_done = [this] {
      auto response = std::make_unique<v1::UploadFileResponse>();
      response->mutable_file()->set_filename(Header().filename());
      response->mutable_file()->set_size_bytes(static_cast<int64_t>(Bytes().size()));
      upload->Push(MakeMessageFrame(std::move(response)));
      upload->End(absl::OkStatus());
    };
    invoker.streams["heim.v1.FileService.DownloadFile"] =
        [this](
            CallContext&,
            const google::protobuf::Message* first) -> absl::StatusOr<std::shared_ptr<StreamCall>> {
      return Download(static_cast<const v1::DownloadFileRequest&>(*first));
    };
    Start();
  }

  v1::FileHeader Header() {
    return static_cast<const v1::UploadFileRequest&>(upload->fed(0)).header();
  }
  std::string Bytes() {
    std::string all;
    for (size_t i = 1; i < upload->fed_count(); ++i) {
      all += static_cast<const v1::UploadFileRequest&>(upload->fed(i)).chunk();
    }
    return all;
  }
  absl::StatusOr<std::shared_ptr<StreamCall>> Download(const v1::DownloadFileRequest& request) {
    const auto size = static_cast<int64_t>(content.size());
    const int64_t from = request.offset() < 0 ? size + request.offset() : request.offset();
    if (from >= size) {
      return ErrorBuilder(v1::ERROR_REASON_RANGE_NOT_SATISFIABLE)
          .Detail("size_bytes", size)
          .Build();
    }
    const int64_t length = request.length() == 0 ? size - from : request.length();
    auto stream = std::make_shared<FakeStream>();
    auto header = std::make_unique<v1::DownloadFileResponse>();
    header->mutable_header()->set_offset(from);
    header->mutable_header()->set_length(length);
    v1::File* file = header->mutable_header()->mutable_file();
    file->set_filename(filename);
    file->set_mime_type(mime_type);
    file->set_sha256("abc");
    file->set_size_bytes(size);
    stream->Push(MakeMessageFrame(std::move(header)));
    for (int64_t at = from; at < from + length; at += 7) {
      auto chunk = std::make_unique<v1::DownloadFileResponse>();
      chunk->set_chunk(content.substr(
          static_cast<size_t>(at), static_cast<size_t>(std::min<int64_t>(7, from + length - at))));
      stream->Push(MakeMessageFrame(std::move(chunk)));
    }
    stream->End(absl::OkStatus());
    return stream;
  }

  std::shared_ptr<FakeStream> upload = std::make_shared<FakeStream>();
  std::string content = "<p>0123456789</p>";
  std::string filename = "a b.html";
  std::string mime_type = "text/html";
};

TEST(UploadTest, ARawBodyIsTheFile) {
  WithFiles running;
  const Got got = running.Ask("POST", "/api/v1/files?filename=dir%2Fdata.bin",
                              {{"Content-Type", "application/x-thing"}}, "\x01\x02raw");
  EXPECT_EQ(got.status, 201) << got.body;
  EXPECT_NE(got.body.find("\"size_bytes\":5"), std::string::npos) << got.body;
  EXPECT_EQ(running.Header().filename(), "data.bin");
  EXPECT_EQ(running.Header().mime_type(), "application/x-thing");
  EXPECT_EQ(running.Header().size_bytes(), 5);
  EXPECT_EQ(running.Bytes(), "\x01\x02raw");
}

TEST(UploadTest, AFormsFirstFileIsTheFile) {
  WithFiles running;
  const Got got = running.Ask(
      "POST", "/api/v1/files", {{"Content-Type", "multipart/form-data; boundary=\"B0\""}},
      "--B0\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nno\r\n--B0\r\n"
      "Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''n%C3%B6te.txt\r\n"
      "Content-Type: text/plain\r\n\r\nhello\r\n--B0--\r\n");
  EXPECT_EQ(got.status, 201) << got.body;
  EXPECT_EQ(running.Header().filename(), "nöte.txt");
  EXPECT_EQ(running.Header().mime_type(), "text/plain");
  EXPECT_EQ(running.Bytes(), "hello");
}

TEST(UploadTest, TooMuchIsRefusedBeforeAndWhileItComes) {
  WithFiles running;
  const Got announced = running.Ask("POST", "/api/v1/files", {}, std::string(1001, 'x'));
  EXPECT_EQ(announced.status, 413);
  EXPECT_NE(announced.body.find("file_too_large"), std::string::npos) << announced.body;
  EXPECT_TRUE(running.upload->WaitCancelled());
  Client client(running.gateway->port());
  client.Send(
      "POST /api/v1/files HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1000\r\n" +
      std::string(0x1000, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(ReadAnswer(client).status, 413);
}

TEST(UploadTest, BadFormsAreRefused) {
  struct Case {
    std::string target, type, body;
    int status;
  };
  const std::vector<Case> cases = {
      {"/api/v1/files", "multipart/form-data", "x", 400},
      {"/api/v1/files", "multipart/form-data; boundary=" + std::string(71, 'b'), "x", 400},
      {"/api/v1/files", "multipart/form-data; boundary=B", "no form", 400},
      {"/api/v1/files", "multipart/form-data; boundary=B",
       "--B\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--B--", 400},
      {"/api/v1/files", "multipart/form-data; boundary=B",
       "--B\r\nContent-Disposition: form-data; filename=a\r\n\r\nhalf", 400},
      {"/api/v1/files?filname=x", "text/plain", "x", 400},
      {"/api/v1/files?filename=%FF", "text/plain", "x", 400},
  };
  for (const Case& c : cases) {
    WithFiles running;
    EXPECT_EQ(running.Ask("POST", c.target, {{"Content-Type", c.type}}, c.body).status, c.status)
        << c.target << c.body;
  }
}

TEST(UploadTest, WaitsForASlowServer) {
  WithFiles running(10'000'000);
  running.upload->Hold();
  Client client(running.gateway->port());
  client.Send("POST /api/v1/files HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_TRUE(running.upload->WaitFed(1));
  EXPECT_EQ(running.upload->fed_count(), 1u);
  running.upload->Release();
  EXPECT_EQ(ReadAnswer(client).status, 201);
}

TEST(DownloadTest, SendsTheFileAsAnAttachment) {
  WithFiles running;
  const Got got = running.Ask("GET", "/api/v1/files/f1");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, running.content);
  EXPECT_EQ(got.Get("ETag"), "\"abc\"");
  EXPECT_EQ(got.Get("Cache-Control"), "private, no-cache");
  EXPECT_EQ(got.Get("Content-Disposition"),
            "attachment; filename=\"a b.html\"; filename*=UTF-8''a%20b.html");
  EXPECT_EQ(got.Get("X-Content-Type-Options"), "nosniff");
  EXPECT_NE(got.Get("Content-Security-Policy").find("sandbox"), std::string::npos);
  const Got head = running.Ask("HEAD", "/api/v1/files/f1");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.Get("Content-Length"), "17");
}

TEST(DownloadTest, ShowsInThePageOnlyWhatNeitherTypeNorNameMakesActive) {
  WithFiles running;
  const auto shown = [&](const std::string& type, const std::string& name) {
    running.mime_type = type;
    running.filename = name;
    return running.Ask("GET", "/api/v1/files/f1").Get("Content-Disposition").find("inline") == 0;
  };
  EXPECT_TRUE(shown("image/png", "a.png"));
  EXPECT_TRUE(shown("text/plain", "notes.txt"));
  EXPECT_FALSE(shown("text/html", "a.png"));
  EXPECT_FALSE(shown("image/svg+xml", "a.png"));
  EXPECT_FALSE(shown("application/pdf", "a.pdf"));
  for (const char* name : {"a.html", "a.HTM", "a.svg", "a.xml", "a.mjs", "a.xhtml "}) {
    EXPECT_FALSE(shown("text/plain", name)) << name;
    EXPECT_FALSE(shown("image/png", name)) << name;
  }
}

TEST(DownloadTest, KnowsRangesAndTags) {
  WithFiles running;
  const Got part = running.Ask("GET", "/api/v1/files/f1", {{"Range", "bytes=3-12"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "0123456789");
  EXPECT_EQ(part.Get("Content-Range"), "bytes 3-12/17");
  const Got tail = running.Ask("GET", "/api/v1/files/f1", {{"Range", "bytes=-4"}});
  EXPECT_EQ(tail.body, "</p>");
  const Got beyond = running.Ask("GET", "/api/v1/files/f1", {{"Range", "bytes=99-"}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.Get("Content-Range"), "bytes */17");
  const Got same = running.Ask("GET", "/api/v1/files/f1", {{"If-None-Match", "\"abc\""}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  const Got other =
      running.Ask("GET", "/api/v1/files/f1", {{"Range", "bytes=3-12"}, {"If-Range", "\"old\""}});
  EXPECT_EQ(other.status, 200);
  EXPECT_EQ(other.body, running.content);
}

}  // namespace
}  // namespace heim::gateway_test
