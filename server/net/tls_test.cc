// Goal: https is spoken only with whom the certificates vouch for. Method: a TLS server on the
// loopback with a certificate made for the test, for the right name or another.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <thread>

#include "server/base/file_util.h"
#include "server/base/strings.h"
#include "server/net/http_client.h"

namespace heim {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

struct Identity {
  std::string key;
  std::string certificate;
};

// Self-signed, for the subject alternative name, such as "IP:127.0.0.1".
Identity MakeIdentity(const char* name) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name);
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate, key, EVP_sha256());
  BIO* key_text = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(key_text, key, nullptr, nullptr, 0, nullptr, nullptr);
  BIO* certificate_text = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_text, certificate);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {Text(key_text), Text(certificate_text)};
}

// Takes one connection and answers one request, if there is one.
class TlsServer {
 public:
  explicit TlsServer(const Identity& identity)
      : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    context_.use_private_key(asio::buffer(identity.key), asio::ssl::context::pem);
    context_.use_certificate_chain(asio::buffer(identity.certificate));
    thread_ = std::thread([this] { Serve(); });
  }
  ~TlsServer() { thread_.join(); }

  std::string url() const {
    return StrCat("https://127.0.0.1:", acceptor_.local_endpoint().port(), "/");
  }
  static constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

 private:
  void Serve() {
    asio::ssl::stream<tcp::socket> stream(io_, context_);
    acceptor_.accept(stream.next_layer());
    boost::system::error_code error;
    stream.handshake(asio::ssl::stream_base::server, error);
    if (error) return;
    std::string request;
    asio::read_until(stream, asio::dynamic_buffer(request), "\r\n\r\n", error);
    if (!error) asio::write(stream, asio::buffer(kAnswer.data(), kAnswer.size()), error);
  }

  asio::io_context io_;
  asio::ssl::context context_{asio::ssl::context::tls_server};
  tcp::acceptor acceptor_;
  std::thread thread_;
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : directory_(StrCat(::testing::TempDir(), "/heim-tls-XXXXXX")) {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
  }
  ~TlsTest() override { std::filesystem::remove_all(directory_); }

  // A client that trusts the certificate; without one, the system's.
  absl::StatusOr<HttpResponse> Get(const std::string& url, const std::string& trusted) {
    HttpClient::Options options;
    if (!trusted.empty()) {
      options.ca_file = StrCat(directory_, "/ca.pem");
      EXPECT_TRUE(WriteFileAtomically(options.ca_file, trusted, 0600).ok());
    }
    auto client = HttpClient::Create(options, clock_);
    if (!client.ok()) return client.status();
    HttpRequest request;
    request.url = url;
    return (*client)->Send(request);
  }

  std::string directory_;
  SystemClock clock_;
};

TEST_F(TlsTest, WhoeverIsVouchedForIsSpokenWith) {
  const Identity identity = MakeIdentity("IP:127.0.0.1");
  TlsServer server(identity);
  const auto response = Get(server.url(), identity.certificate);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "hi");
}

TEST_F(TlsTest, AnUnknownAuthorityIsRefused) {
  TlsServer server(MakeIdentity("IP:127.0.0.1"));
  const auto response = Get(server.url(), "");
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable) << response.status();
}

TEST_F(TlsTest, ACertificateForAnotherNameIsRefused) {
  const Identity identity = MakeIdentity("DNS:other.example");
  TlsServer server(identity);
  const auto response = Get(server.url(), identity.certificate);
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable) << response.status();
}

TEST_F(TlsTest, CertificatesThatCannotBeReadAreAnError) {
  EXPECT_EQ(Get("https://127.0.0.1:1/", "no certificate").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace heim
