// What messages of other chats share once their text is Markdown. Pure functions; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "heim/v1/message.pb.h"

namespace heim {

// The text of a message: cut to what a message may hold, without NUL. Whether it was cut.
bool SetContent(std::string text, v1::Message* message);

// Fills `mentions` from the content; `actor_of` gives the archive's id for a username, or nothing.
void SetMentions(const std::function<std::string(const std::string&)>& actor_of,
                 v1::Message* message);

// "[name](url)", or the name alone when there is no address that a person may follow.
std::string FileLink(std::string_view name, std::string_view url);

// Adds a line to a text.
void AddTextLine(std::string_view line, std::string* text);

// The value under metadata's one key, the name of the product.
google::protobuf::Struct* FactsOf(const std::string& product, v1::Message* message);

}  // namespace heim
