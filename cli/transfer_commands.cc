// heim admin export | import | imports: a workspace as an archive, and back.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "cli/admin_parts.h"
#include "cli/command.h"
#include "heim/v1/export_service.grpc.pb.h"
#include "heim/v1/import_service.grpc.pb.h"
#include "server/base/file_util.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr size_t kChunkBytes = 512u << 10;

struct TransferOptions {
  std::string file;
  std::string format = "heim";
  std::string team;
  std::string import_id;
  bool mine = false;
  bool dry_run = false;
  bool take_settings = false;
  bool cancel = false;
  bool start = false;
};

// A new file that only its owner reads: an archive holds everything that was ever said.
class NewFile {
 public:
  static absl::StatusOr<NewFile> Create(const std::string& path) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return ErrnoToStatus(errno, StrCat("create ", path));
    return NewFile(fd, path);
  }
  NewFile(NewFile&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  // What is not kept is not left behind half.
  ~NewFile() {
    if (fd_ < 0) return;
    close(fd_);
    (void)RemoveFile(path_);
  }

  absl::Status Append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return ErrnoToStatus(errno, StrCat("write ", path_));
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }
  absl::Status Keep() {
    const int fd = std::exchange(fd_, -1);
    const bool synced = fsync(fd) == 0;
    return close(fd) == 0 && synced ? absl::OkStatus()
                                    : ErrnoToStatus(errno, StrCat("write ", path_));
  }

 private:
  NewFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  int fd_;
  std::string path_;
};

template <class Response, class Reader>
absl::Status Receive(const CommandLine& line, Reader& reader, const std::string& path) {
  HEIM_ASSIGN_OR_RETURN(NewFile file, NewFile::Create(path));
  Response piece;
  v1::ArchiveHeader header;
  absl::Status status;
  int64_t bytes = 0;
  while (status.ok() && reader.Read(&piece)) {
    if (piece.has_header()) header = piece.header();
    bytes += static_cast<int64_t>(piece.chunk().size());
    status = file.Append(piece.chunk());
  }
  const grpc::Status ended = reader.Finish();
  HEIM_RETURN_IF_ERROR(status);
  if (!ended.ok()) return ToStatus(ended);
  HEIM_RETURN_IF_ERROR(file.Keep());
  Print(line, header, StrCat(path, ": ", bytes, " bytes"));
  return absl::OkStatus();
}

absl::Status Export(const CommandLine& line, const TransferOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  const auto stub = v1::ExportService::NewStub(client->channel());
  const auto context = client->OpenContext();
  if (options.mine) {
    v1::ExportActorRequest request;
    request.set_actor_id("me");
    const auto reader = stub->ExportActor(context.get(), request);
    return Receive<v1::ExportActorResponse>(line, *reader, options.file);
  }
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, CurrentWorkspace(*client));
  v1::ExportWorkspaceRequest request;
  request.set_workspace_id(workspace.id());
  const auto reader = stub->ExportWorkspace(context.get(), request);
  return Receive<v1::ExportWorkspaceResponse>(line, *reader, options.file);
}

std::string StateText(v1::ImportState state) {
  return absl::AsciiStrToLower(v1::ImportState_Name(state).substr(sizeof("IMPORT_STATE_") - 1));
}

void Show(const CommandLine& line, const v1::Import& import) {
  std::string text = StrCat(import.id(), "  ", StateText(import.state()), "  ", import.filename(),
                            "  ", import.records_done(), " of ", import.records_total());
  for (const v1::ImportCount& count : import.counts()) {
    StrAppend(&text, "\n  ", count.kind(), ": ", count.created(), " new, ", count.matched(),
              " there, ", count.skipped(), " left out");
  }
  for (const v1::ImportProblem& problem : import.problems()) {
    StrAppend(&text, "\n  ", problem.place(), ": ", problem.text());
  }
  if (import.has_error_text()) StrAppend(&text, "\n  ", import.error_text());
  Print(line, import, text);
}

absl::Status Import(const CommandLine& line, const TransferOptions& options) {
  v1::CreateImportRequest piece;
  v1::ImportFormat format = v1::IMPORT_FORMAT_UNSPECIFIED;
  if (!v1::ImportFormat_Parse(StrCat("IMPORT_FORMAT_", absl::AsciiStrToUpper(options.format)),
                              &format)) {
    return absl::InvalidArgumentError("--format: heim, slack or mattermost");
  }
  std::ifstream file(options.file, std::ios::binary);
  if (!file) return absl::NotFoundError(StrCat(options.file, " cannot be opened"));
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  const auto stub = v1::ImportService::NewStub(client->channel());
  const auto context = client->OpenContext();
  v1::CreateImportResponse response;
  const auto writer = stub->CreateImport(context.get(), &response);
  const size_t slash = options.file.rfind('/');
  piece.mutable_header()->set_filename(slash == std::string::npos ? options.file
                                                                  : options.file.substr(slash + 1));
  piece.set_format(format);
  piece.set_dry_run(options.dry_run);
  piece.set_take_settings(options.take_settings);
  piece.set_team(options.team);
  bool going = writer->Write(piece);
  std::string bytes(kChunkBytes, '\0');
  while (going && file) {
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (file.gcount() == 0) break;
    piece.Clear();
    piece.set_chunk(bytes.substr(0, static_cast<size_t>(file.gcount())));
    going = writer->Write(piece);
  }
  writer->WritesDone();
  const grpc::Status ended = writer->Finish();
  if (!ended.ok()) return ToStatus(ended);
  Show(line, response.import());
  return absl::OkStatus();
}

absl::Status Imports(const CommandLine& line, const TransferOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  const auto stub = v1::ImportService::NewStub(client->channel());
  if (options.import_id.empty()) {
    HEIM_ASSIGN_OR_RETURN(
        const v1::ListImportsResponse page,
        client->Call(&v1::ImportService::Stub::ListImports, *stub, v1::ListImportsRequest()));
    for (const v1::Import& import : page.imports()) Show(line, import);
    return absl::OkStatus();
  }
  if (options.cancel) {
    v1::CancelImportRequest request;
    request.set_import_id(options.import_id);
    HEIM_ASSIGN_OR_RETURN(const v1::CancelImportResponse response,
                          client->Call(&v1::ImportService::Stub::CancelImport, *stub, request));
    Show(line, response.import());
    return absl::OkStatus();
  }
  if (options.start) {
    v1::StartImportRequest request;
    request.set_import_id(options.import_id);
    HEIM_ASSIGN_OR_RETURN(const v1::StartImportResponse response,
                          client->Call(&v1::ImportService::Stub::StartImport, *stub, request));
    Show(line, response.import());
    return absl::OkStatus();
  }
  v1::GetImportRequest request;
  request.set_import_id(options.import_id);
  HEIM_ASSIGN_OR_RETURN(const v1::GetImportResponse response,
                        client->Call(&v1::ImportService::Stub::GetImport, *stub, request));
  Show(line, response.import());
  return absl::OkStatus();
}

}  // namespace

void AddTransferCommands(CommandLine& line, CLI::App& admin) {
  auto options = std::make_shared<TransferOptions>();
  const auto add = [&](const char* name, const char* help, auto function) {
    CLI::App* command = admin.add_subcommand(name, help);
    AddCommonOptions(line, *command);
    command->callback([&line, options, function] {
      line.run = [&line, options, function] { return function(line, *options); };
    });
    return command;
  };
  CLI::App* out = add("export", "Write the workspace, or your own data, into an archive", &Export);
  out->add_option("file", options->file, "New file")->required();
  out->add_flag("--mine", options->mine, "Only what is your own");
  CLI::App* in = add("import", "Read an archive into the workspace", &Import);
  in->add_option("file", options->file, "Archive")->required();
  in->add_option("--format", options->format, "heim, slack or mattermost");
  in->add_option("--team", options->team, "Which team of a Mattermost archive");
  in->add_flag("--dry-run", options->dry_run, "Only say what would be done");
  in->add_flag("--take-settings", options->take_settings, "Name and settings of the workspace too");
  CLI::App* imports = add("imports", "How far imports are", &Imports);
  imports->add_option("import", options->import_id, "One of them");
  imports->add_flag("--start", options->start, "Make a dry run real");
  imports->add_flag("--cancel", options->cancel, "End it");
}

}  // namespace heim
