// Files through the handlers, over a blob store on disk: what comes back is what went in, whoever
// may see it, and nothing is left of what was given up.
#include "server/service/file_service.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <map>

#include "server/base/crypto.h"
#include "server/base/strings.h"
#include "server/service/chat_fixture.h"
#include "server/service/file_upload.h"

namespace heim {
namespace {

using std::string_literals::operator""s;

class FileServiceTest : public ChatFixture {
 protected:
  struct Download {
    absl::Status status;
    v1::DownloadHeader header;
    std::string bytes;
    size_t frames = 0;
  };
  // Reads to the end as a front does.
  Download Fetch(const Caller& caller, const std::string& id, int64_t offset = 0,
                 int64_t length = 0) {
    v1::DownloadFileRequest request;
    request.set_file_id(id);
    request.set_offset(offset);
    request.set_length(length);
    const auto source = Call(caller, &FileService::DownloadFile, files_, request);
    Download download;
    if (!source.ok()) {
      download.status = source.status();
      return download;
    }
    absl::Mutex mutex;
    bool ready = false;
    (*source)->SetReady([&] {
      absl::MutexLock lock(&mutex);
      ready = true;
    });
    std::vector<FramePtr> frames;
    while (true) {
      const FrameSource::State state = (*source)->Pull(64 << 10, &frames);
      if (state == FrameSource::State::kEnded) break;
      if (state == FrameSource::State::kMore) continue;
      absl::MutexLock lock(&mutex);
      EXPECT_TRUE(mutex.AwaitWithTimeout(absl::Condition(&ready), absl::Seconds(20)));
      ready = false;
    }
    (*source)->Cancel();
    download.status = (*source)->status();
    download.frames = frames.size();
    for (const FramePtr& frame : frames) {
      const auto& piece = static_cast<const v1::DownloadFileResponse&>(frame->message());
      if (piece.has_header()) download.header = piece.header();
      EXPECT_LE(piece.chunk().size(), 64u << 10);
      download.bytes += piece.chunk();
    }
    return download;
  }
  // Files on disk, whole or half.
  size_t Blobs() {
    size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_ + "/files")) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }
  std::shared_ptr<StreamCall> OpenUpload(const Caller& caller) {
    auto context = std::make_shared<CallContext>();
    context->caller = caller;
    return *files_->UploadFile(context);
  }
  static void Feed(StreamCall& call, v1::UploadFileRequest piece) {
    absl::Notification wanted;
    call.Feed(std::make_unique<v1::UploadFileRequest>(std::move(piece)), [&] { wanted.Notify(); });
    wanted.WaitForNotification();
  }
  static v1::UploadFileRequest Header(const std::string& name, int64_t size = 0) {
    v1::UploadFileRequest piece;
    piece.mutable_header()->set_filename(name);
    piece.mutable_header()->set_size_bytes(size);
    return piece;
  }
  static v1::UploadFileRequest Chunk(const std::string& bytes) {
    v1::UploadFileRequest piece;
    piece.set_chunk(bytes);
    return piece;
  }
  // How a call that was fed with wrong things has ended.
  static v1::ErrorReason EndOf(StreamCall& call) {
    std::vector<FramePtr> frames;
    EXPECT_EQ(call.Pull(1 << 20, &frames), FrameSource::State::kEnded);
    EXPECT_TRUE(frames.empty());
    return ReasonOf(call.status());
  }
};

std::string ManyBytes(size_t n) {
  std::string bytes(n, '\0');
  for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>((i * 2654435761u) >> 13);
  return bytes;
}

TEST_F(FileServiceTest, WhatGoesInComesOut) {
  const std::string bytes = ManyBytes(700'001);
  const auto file = Upload(ann_, "data.bin", bytes, 65'536);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->filename(), "data.bin");
  EXPECT_EQ(file->size_bytes(), 700'001);
  EXPECT_EQ(file->sha256(), HexEncode(Sha256(bytes)));
  EXPECT_EQ(file->mime_type(), "application/octet-stream");
  EXPECT_EQ(file->actor_id(), ann_.actor_id.str());
  const Download download = Fetch(ann_, file->id());
  ASSERT_TRUE(download.status.ok()) << download.status;
  EXPECT_EQ(download.header.length(), 700'001);
  EXPECT_EQ(download.header.file().SerializeAsString(), file->SerializeAsString());
  EXPECT_TRUE(download.bytes == bytes);
  EXPECT_EQ(download.frames, 12u);
}

TEST_F(FileServiceTest, PartsOfAFile) {
  const std::string id = Upload(ann_, "digits", "0123456789")->id();
  EXPECT_EQ(Fetch(ann_, id, 3).bytes, "3456789");
  EXPECT_EQ(Fetch(ann_, id, 3, 2).bytes, "34");
  EXPECT_EQ(Fetch(ann_, id, 8, 100).bytes, "89");
  const Download tail = Fetch(ann_, id, -4);
  EXPECT_EQ(tail.bytes, "6789");
  EXPECT_EQ(tail.header.offset(), 6);
  EXPECT_EQ(tail.header.length(), 4);
  EXPECT_EQ(Fetch(ann_, id, -100).bytes, "0123456789");
  const absl::Status beyond = Fetch(ann_, id, 10).status;
  EXPECT_EQ(ReasonOf(beyond), v1::ERROR_REASON_RANGE_NOT_SATISFIABLE);
  EXPECT_EQ(ToError(beyond, "").details().fields().at("size_bytes").number_value(), 10);
}

TEST_F(FileServiceTest, AnEmptyFileIsAFile) {
  const auto file = Upload(ann_, "empty", "");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->size_bytes(), 0);
  const Download download = Fetch(ann_, file->id());
  EXPECT_TRUE(download.status.ok());
  EXPECT_EQ(download.frames, 1u);
  EXPECT_EQ(ReasonOf(Fetch(ann_, file->id(), 0, 5).status), v1::ERROR_REASON_RANGE_NOT_SATISFIABLE);
}

TEST_F(FileServiceTest, AFileIsSeenByItsUploaderAndByReadersOfItsMessages) {
  const std::string secret = CreateChannel(ann_, "secret", v1::CHANNEL_TYPE_PRIVATE)->id();
  const std::string id = Upload(ann_, "plan.txt", "the plan")->id();
  EXPECT_EQ(Fetch(ann_, id).bytes, "the plan");
  EXPECT_EQ(ReasonOf(Fetch(olga_, id).status), v1::ERROR_REASON_FILE_NOT_FOUND);
  v1::SendMessageRequest request;
  request.set_channel_id(secret);
  request.add_attachments()->set_file_id(id);
  ASSERT_TRUE(Call(ann_, &MessageService::SendMessage, messages_, request).ok());
  EXPECT_EQ(ReasonOf(Fetch(bob_, id).status), v1::ERROR_REASON_FILE_NOT_FOUND);
  ASSERT_TRUE(AddMember(ann_, secret, bob_).ok());
  EXPECT_EQ(Fetch(bob_, id).bytes, "the plan");
  ASSERT_TRUE(RemoveMember(ann_, secret, bob_).ok());
  EXPECT_EQ(ReasonOf(Fetch(bob_, id).status), v1::ERROR_REASON_FILE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Fetch(eve_, id).status), v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Fetch(ann_, "no-id").status), v1::ERROR_REASON_FILE_NOT_FOUND);
}

TEST_F(FileServiceTest, TooMuchIsRefusedWhileItComesAndLeavesNothing) {
  auto call = OpenUpload(ann_);
  Feed(*call, Header("big"));
  Feed(*call, Chunk(std::string(1 << 20, 'x')));
  EXPECT_EQ(Blobs(), 1u);
  Feed(*call, Chunk("x"));
  EXPECT_EQ(EndOf(*call), v1::ERROR_REASON_FILE_TOO_LARGE);
  EXPECT_EQ(Blobs(), 0u);
  Feed(*call, Chunk("more is dropped"));
  call->FeedDone();
  EXPECT_EQ(Blobs(), 0u);

  call = OpenUpload(ann_);
  Feed(*call, Header("big", (1 << 20) + 1));
  EXPECT_EQ(EndOf(*call), v1::ERROR_REASON_FILE_TOO_LARGE) << "said before it came";
}

TEST_F(FileServiceTest, TheSizeThatWasSaidMustCome) {
  auto call = OpenUpload(ann_);
  Feed(*call, Header("short", 10));
  Feed(*call, Chunk("12345678901"));
  EXPECT_EQ(EndOf(*call), v1::ERROR_REASON_INVALID_ARGUMENT);

  call = OpenUpload(ann_);
  absl::Notification ended;
  Feed(*call, Header("long", 10));
  Feed(*call, Chunk("123"));
  std::vector<FramePtr> frames;
  call->SetReady([&] { ended.Notify(); });
  EXPECT_EQ(call->Pull(1 << 20, &frames), FrameSource::State::kIdle);
  call->FeedDone();
  ended.WaitForNotification();
  EXPECT_EQ(EndOf(*call), v1::ERROR_REASON_INVALID_ARGUMENT);
  call->Cancel();
}

TEST_F(FileServiceTest, AHeaderComesFirstAndOnce) {
  auto call = OpenUpload(ann_);
  Feed(*call, Chunk("x"));
  EXPECT_EQ(EndOf(*call), v1::ERROR_REASON_INVALID_ARGUMENT);
  call = OpenUpload(ann_);
  Feed(*call, Header("a"));
  Feed(*call, Header("b"));
  EXPECT_EQ(EndOf(*call), v1::ERROR_REASON_INVALID_ARGUMENT);
  call = OpenUpload(ann_);
  Feed(*call, {});
  EXPECT_EQ(EndOf(*call), v1::ERROR_REASON_INVALID_ARGUMENT);
}

TEST_F(FileServiceTest, StrangersUploadNothing) {
  auto call = OpenUpload(eve_);
  Feed(*call, Header("a"));
  EXPECT_EQ(EndOf(*call), v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
  EXPECT_EQ(Blobs(), 0u);
}

TEST_F(FileServiceTest, AnUploadThatIsGivenUpLeavesNothing) {
  auto call = OpenUpload(ann_);
  Feed(*call, Header("half"));
  Feed(*call, Chunk("half of it"));
  EXPECT_EQ(Blobs(), 1u);
  call->Cancel();
  executor_->Stop();
  EXPECT_EQ(Blobs(), 0u);
}

TEST_F(FileServiceTest, AnUploadThatIsDroppedLeavesNothing) {
  auto call = OpenUpload(ann_);
  Feed(*call, Header("half"));
  call.reset();
  executor_->Stop();  // its task may have been the last to hold it
  EXPECT_EQ(Blobs(), 0u);
}

TEST_F(FileServiceTest, AReaderThatDoesNotReadIsReadAheadForOnlySoFar) {
  const std::string id = Upload(ann_, "big", ManyBytes(1 << 20), 1 << 16)->id();
  v1::DownloadFileRequest request;
  request.set_file_id(id);
  const auto source = Call(ann_, &FileService::DownloadFile, files_, request);
  ASSERT_TRUE(source.ok());
  std::vector<FramePtr> frames;
  FrameSource::State state = FrameSource::State::kMore;
  // The Executor is stopped, so what comes is what was read before.
  executor_->Stop();
  while (state == FrameSource::State::kMore) state = (*source)->Pull(1 << 16, &frames);
  EXPECT_LE(frames.size(), 10u);
  EXPECT_EQ(state, FrameSource::State::kIdle);
  EXPECT_EQ((*source)->Pull(1 << 16, &frames), FrameSource::State::kEnded);
  EXPECT_EQ(ReasonOf((*source)->status()), v1::ERROR_REASON_OVERLOADED);
}

TEST_F(FileServiceTest, TypesComeFromTheContent) {
  const std::string png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08"s;
  const std::string jpeg = "\xff\xd8\xff\xe0\0\x04zy\xff\xc0\0\x11\x08\0\x10\0\x20\x03"s;
  const std::map<std::string, std::string> cases = {
      {png, "image/png"},
      {jpeg, "image/jpeg"},
      {"GIF89a\x10\0\x20\0"s, "image/gif"},
      {"RIFF\0\0\0\0WEBPVP8 "s, "image/webp"},
      {"RIFF\0\0\0\0WAVEfmt "s, "audio/wav"},
      {"%PDF-1.7\n"s, "application/pdf"},
      {"PK\x03\x04stuff"s, "application/zip"},
      {"\x1f\x8b\x08\0"s, "application/gzip"},
      {"\0\0\0\x18"
       "ftypisom"s,
       "video/mp4"},
      {"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm"s, "video/webm"},
      {"ID3\x04\0"s, "audio/mpeg"},
      {"<svg onload=alert(1)>"s, "text/plain"},
      {"<!doctype html><script>"s, "text/plain"},
      {"gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x91\x8d"s, "text/plain"},
      {"broken \xc3"s, "application/octet-stream"},
      {"nul \0 here"s, "application/octet-stream"},
      {"\xff\xfeU\0T\0F\0"s, "application/octet-stream"},
  };
  for (const auto& [bytes, type] : cases) {
    // In pieces of one byte: code points are cut, heads come late.
    FileProbe probe;
    for (const char byte : bytes) probe.Add(std::string(1, byte));
    EXPECT_EQ(probe.mime_type(), type) << HexEncode(bytes);
  }
  const auto file = Upload(ann_, "photo.txt", png);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->mime_type(), "image/png");
  EXPECT_EQ(file->width(), 640u);
  EXPECT_EQ(file->height(), 480u);
  EXPECT_EQ(Upload(ann_, "a", jpeg)->width(), 32u);
  EXPECT_EQ(Upload(ann_, "a", jpeg)->height(), 16u);
  EXPECT_EQ(Upload(ann_, "a", "GIF89a\x10\0\x20\0"s)->height(), 32u);
  EXPECT_FALSE(Upload(ann_, "a", png.substr(0, 18))->has_width()) << "cut short";
}

TEST_F(FileServiceTest, NamesAreCleaned) {
  EXPECT_EQ(CleanFilename("../../etc/passwd"), "passwd");
  EXPECT_EQ(CleanFilename("C:\\temp\\a.txt"), "a.txt");
  EXPECT_EQ(CleanFilename("a\nb\x1b[31m.txt"), "ab[31m.txt");
  EXPECT_EQ(CleanFilename(""), "file");
  EXPECT_EQ(CleanFilename(".."), "file");
  EXPECT_EQ(CleanFilename("dir/"), "file");
  EXPECT_EQ(CleanFilename("\xe2\x80\xaegpj.exe"), "gpj.exe") << "no right-to-left override";
  EXPECT_LE(CleanFilename(std::string(300, 'x')).size(), 255u);
}

}  // namespace
}  // namespace heim
