// The few pages that the server shows by itself. Constants; any thread.
#pragma once

#include <string_view>

namespace heim {

// What this is, for a browser that comes by.
extern const std::string_view kHomePage;
// A form for the first account; its script and style stand apart, so that nothing inline runs.
extern const std::string_view kSetupPage;
extern const std::string_view kSetupScript;
extern const std::string_view kPageStyle;

}  // namespace heim
