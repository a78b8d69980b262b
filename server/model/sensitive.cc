#include "server/model/sensitive.h"

#include <vector>

#include "google/protobuf/descriptor.h"
#include "heim/v1/options.pb.h"

namespace heim {

void ClearSensitive(google::protobuf::Message* message) {
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(*message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->options().GetExtension(v1::rules).sensitive()) {
      reflection.ClearField(message, field);
    } else if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    } else if (!field->is_repeated()) {
      ClearSensitive(reflection.MutableMessage(message, field));
    } else {
      for (int i = 0; i < reflection.FieldSize(*message, field); ++i) {
        ClearSensitive(reflection.MutableRepeatedMessage(message, field, i));
      }
    }
  }
}

}  // namespace heim
