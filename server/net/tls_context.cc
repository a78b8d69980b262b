#include "server/net/tls_context.h"

#include "server/base/file_util.h"
#include "server/base/strings.h"

namespace heim {
namespace {

// Where distributions keep them; the library's own default is where it was built.
constexpr const char* kSystemCaFiles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                          "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

}  // namespace

absl::Status PrepareTls(const std::string& ca_file, boost::asio::ssl::context* context) {
  using Context = boost::asio::ssl::context;
  context->set_options(Context::default_workarounds | Context::no_sslv3 | Context::no_tlsv1 |
                       Context::no_tlsv1_1);
  boost::system::error_code error;
  context->set_verify_mode(boost::asio::ssl::verify_peer);
  if (!ca_file.empty()) {
    context->load_verify_file(ca_file, error);
    if (!error) return absl::OkStatus();
    return absl::FailedPreconditionError(
        StrCat("certificates cannot be read: ", ca_file, ": ", error.message()));
  }
  context->set_default_verify_paths(error);
  for (const char* file : kSystemCaFiles) {
    if (!FileExists(file)) continue;
    context->load_verify_file(file, error);
    break;
  }
  return absl::OkStatus();
}

}  // namespace heim
