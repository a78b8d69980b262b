// The parts of ChatFixture that are about forwards, pins, bookmarks and saved items.
#include "server/service/chat_fixture.h"

namespace heim {

absl::StatusOr<v1::Message> ChatFixture::Forward(const Caller& caller, const std::string& message,
                                                 const std::string& channel,
                                                 const std::string& words) {
  v1::ForwardMessageRequest request;
  request.set_message_id(message);
  request.set_channel_id(channel);
  request.set_content(words);
  auto answer = Call(caller, &MessageService::ForwardMessage, messages_, request);
  if (!answer.ok()) return answer.status();
  return answer->message();
}

absl::Status ChatFixture::Pin(const Caller& caller, const std::string& channel,
                              const std::string& message) {
  v1::PinMessageRequest request;
  request.set_channel_id(channel);
  request.set_message_id(message);
  return Call(caller, &PinService::PinMessage, pins_, request).status();
}

absl::Status ChatFixture::Unpin(const Caller& caller, const std::string& channel,
                                const std::string& message) {
  v1::UnpinMessageRequest request;
  request.set_channel_id(channel);
  request.set_message_id(message);
  return Call(caller, &PinService::UnpinMessage, pins_, request).status();
}

std::vector<std::string> ChatFixture::Pinned(const Caller& caller, const std::string& channel) {
  v1::ListPinsRequest request;
  request.set_channel_id(channel);
  const auto page = Call(caller, &PinService::ListPins, pins_, request);
  EXPECT_TRUE(page.ok()) << page.status();
  std::vector<std::string> ids;
  if (!page.ok()) return ids;
  for (const v1::Pin& pin : page->pins()) ids.push_back(pin.message().id());
  return ids;
}

absl::StatusOr<v1::Bookmark> ChatFixture::AddBookmark(const Caller& caller,
                                                      const std::string& channel,
                                                      const std::string& title) {
  v1::CreateBookmarkRequest request;
  request.set_channel_id(channel);
  request.set_title(title);
  request.set_url("https://example.com/");
  auto answer = Call(caller, &BookmarkService::CreateBookmark, bookmarks_, request);
  if (!answer.ok()) return answer.status();
  return answer->bookmark();
}

absl::StatusOr<v1::SavedItem> ChatFixture::Save(const Caller& caller, const std::string& message,
                                                const std::string& note, bool done) {
  v1::SaveMessageRequest request;
  request.set_message_id(message);
  request.set_note(note);
  request.set_done(done);
  auto answer = Call(caller, &SavedService::SaveMessage, saved_, request);
  if (!answer.ok()) return answer.status();
  return answer->saved_item();
}

absl::Status ChatFixture::Unsave(const Caller& caller, const std::string& message) {
  v1::UnsaveMessageRequest request;
  request.set_message_id(message);
  return Call(caller, &SavedService::UnsaveMessage, saved_, request).status();
}

std::vector<v1::SavedItem> ChatFixture::Saved(const Caller& caller) {
  const auto page = Call(caller, &SavedService::ListSaved, saved_, v1::ListSavedRequest());
  EXPECT_TRUE(page.ok()) << page.status();
  if (!page.ok()) return {};
  return {page->saved_items().begin(), page->saved_items().end()};
}

}  // namespace heim
