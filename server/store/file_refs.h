// Which files a message that is written, or not sent yet, names. Pure functions; any thread.
#pragma once

#include <algorithm>

#include "google/protobuf/repeated_field.h"
#include "heim/v1/message.pb.h"
#include "server/model/ids.h"

namespace heim {

inline bool HasFile(const google::protobuf::RepeatedPtrField<v1::Attachment>& attachments,
                    const FileId& file) {
  return std::any_of(attachments.begin(), attachments.end(), [&](const v1::Attachment& attachment) {
    return attachment.file_id() == file.str();
  });
}

inline bool HasFile(const google::protobuf::RepeatedPtrField<v1::Part>& parts, const FileId& file) {
  return std::any_of(parts.begin(), parts.end(), [&](const v1::Part& part) {
    return part.has_file() && part.file().file_id() == file.str();
  });
}

}  // namespace heim
