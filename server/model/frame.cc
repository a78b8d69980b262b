#include "server/model/frame.h"

#include <utility>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "server/base/check.h"

namespace heim {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

// Field numbers common to SubscribeResponse, SessionResponse and the Watch responses.
constexpr int kEventsField = 1;
constexpr int kCursorField = 2;
constexpr int kControlField = 3;
constexpr int kRepliesField = 4;

// Appends the field with these bytes, as protobuf writes strings and messages.
void AppendField(int number, std::string_view bytes, std::string* out) {
  uint8_t head[10];
  const uint32_t tag = WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  uint8_t* end = CodedOutputStream::WriteVarint32ToArray(tag, head);
  end = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(bytes.size()), end);
  out->reserve(out->size() + static_cast<size_t>(end - head) + bytes.size());
  out->append(reinterpret_cast<const char*>(head), static_cast<size_t>(end - head));
  out->append(bytes);
}

}  // namespace

class FrameMaker {
 public:
  explicit FrameMaker(Frame::Kind kind) : frame_(new Frame(kind)) {}

  FrameMaker& Cursor(std::string cursor) {
    frame_->cursor_ = std::move(cursor);
    return *this;
  }
  FrameMaker& Position(uint64_t position) {
    frame_->position_ = position;
    return *this;
  }
  FrameMaker& Field(int number, std::string_view bytes) {
    AppendField(number, bytes, &frame_->proto_);
    return *this;
  }
  FrameMaker& Bytes(std::string bytes) {
    frame_->proto_ = std::move(bytes);
    return *this;
  }
  FrameMaker& Content(std::unique_ptr<const google::protobuf::Message> content) {
    frame_->content_ = std::move(content);
    return *this;
  }
  std::shared_ptr<const Frame> Make() { return std::move(frame_); }

 private:
  std::shared_ptr<Frame> frame_;
};

const google::protobuf::Message& Frame::Content() const {
  absl::call_once(parse_once_, [this] {
    if (content_ != nullptr) return;
    HEIM_CHECK(kind_ == Kind::kEvent);
    v1::SubscribeResponse response;
    auto event = std::make_unique<v1::Event>();
    // Bytes of the log; were they damaged, readers of the text get an event without payload.
    if (response.ParseFromArray(proto_.data(), static_cast<int>(proto_.size())) &&
        response.events_size() == 1) {
      *event = std::move(*response.mutable_events(0));
    }
    content_ = std::move(event);
  });
  return *content_;
}

const v1::Event& Frame::event() const {
  HEIM_CHECK(kind_ == Kind::kEvent);
  return static_cast<const v1::Event&>(Content());
}

const v1::Control& Frame::control() const {
  HEIM_CHECK(kind_ == Kind::kControl);
  return static_cast<const v1::Control&>(Content());
}

const v1::Reply& Frame::reply() const {
  HEIM_CHECK(kind_ == Kind::kReply);
  return static_cast<const v1::Reply&>(Content());
}

const google::protobuf::Message& Frame::message() const {
  HEIM_CHECK(kind_ == Kind::kMessage);
  return Content();
}

const std::string& Frame::Rendered(int dialect,
                                   absl::FunctionRef<std::string(const Frame&)> render) const {
  HEIM_CHECK(dialect >= 0 && dialect < kDialects);
  Text& text = rendered_[static_cast<size_t>(dialect)];
  absl::call_once(text.once, [&] { text.text = render(*this); });
  return text.text;
}

std::shared_ptr<const Frame> MakeEventFrame(v1::Event event, std::string cursor) {
  const uint64_t position = event.position();
  if (position == 0) cursor.clear();
  const std::string bytes = event.SerializeAsString();
  return FrameMaker(Frame::Kind::kEvent)
      .Field(kEventsField, bytes)
      .Position(position)
      .Cursor(std::move(cursor))
      .Content(std::make_unique<v1::Event>(std::move(event)))
      .Make();
}

std::shared_ptr<const Frame> MakeEventFrameFromBytes(std::string_view event, std::string cursor,
                                                     uint64_t position) {
  return FrameMaker(Frame::Kind::kEvent)
      .Field(kEventsField, event)
      .Position(position)
      .Cursor(std::move(cursor))
      .Make();
}

std::shared_ptr<const Frame> MakeControlFrame(v1::Control control, std::string cursor) {
  FrameMaker maker(Frame::Kind::kControl);
  if (!cursor.empty()) maker.Field(kCursorField, cursor);
  maker.Field(kControlField, control.SerializeAsString());
  return maker.Cursor(std::move(cursor))
      .Content(std::make_unique<v1::Control>(std::move(control)))
      .Make();
}

std::shared_ptr<const Frame> MakeCursorFrame(std::string cursor) {
  FrameMaker maker(Frame::Kind::kCursor);
  maker.Field(kCursorField, cursor);
  return maker.Cursor(std::move(cursor)).Make();
}

std::shared_ptr<const Frame> MakeReplyFrame(v1::Reply reply) {
  FrameMaker maker(Frame::Kind::kReply);
  maker.Field(kRepliesField, reply.SerializeAsString());
  return maker.Content(std::make_unique<v1::Reply>(std::move(reply))).Make();
}

std::shared_ptr<const Frame> MakeMessageFrame(std::unique_ptr<google::protobuf::Message> message) {
  FrameMaker maker(Frame::Kind::kMessage);
  maker.Bytes(message->SerializeAsString());
  return maker.Content(std::move(message)).Make();
}

}  // namespace heim
