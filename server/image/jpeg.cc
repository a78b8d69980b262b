// JPEG by libjpeg-turbo. The library leaves by longjmp on an error, so the three steps that call it
// own nothing that would have to be destroyed.
#include <csetjmp>
#include <cstdio>
#include <cstring>

// After <cstdio>: the library's header needs FILE.
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <string_view>

#include "server/base/status_macros.h"
#include "server/image/formats.h"

namespace heim {
namespace {

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr unsigned kMarkerMaxBytes = 0xFFFF;
// A small file may ask for the whole picture to be gone over again and again.
constexpr int kScansMax = 32;

struct JpegJob {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf leave;
  bool cut;  // the data end early: the library would fill the rest with grey
};

JpegJob* JobOf(j_common_ptr info) { return static_cast<JpegJob*>(info->client_data); }

[[noreturn]] void OnError(j_common_ptr info) { std::longjmp(JobOf(info)->leave, 1); }

void OnMessage(j_common_ptr info, int level) {
  const int code = info->err->msg_code;
  if (level < 0 && (code == JWRN_HIT_MARKER || code == JWRN_JPEG_EOF)) JobOf(info)->cut = true;
}

void OnOutput(j_common_ptr) {}

void OnProgress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kScansMax) OnError(info);
}

bool ReadHeader(JpegJob* job, const unsigned char* data, unsigned long size) {
  if (setjmp(job->leave) != 0) return false;
  jpeg_create_decompress(&job->info);
  job->info.client_data = job;
  job->info.progress = &job->progress;
  jpeg_save_markers(&job->info, kExifMarker, kMarkerMaxBytes);
  jpeg_mem_src(&job->info, data, size);
  return jpeg_read_header(&job->info, TRUE) == JPEG_HEADER_OK;
}

bool Start(JpegJob* job) {
  if (setjmp(job->leave) != 0) return false;
  return jpeg_start_decompress(&job->info) == TRUE;
}

bool ReadRows(JpegJob* job, unsigned char* rgba, size_t stride) {
  if (setjmp(job->leave) != 0) return false;
  while (job->info.output_scanline < job->info.output_height) {
    JSAMPROW row = rgba + job->info.output_scanline * stride;
    if (jpeg_read_scanlines(&job->info, &row, 1) != 1) return false;
  }
  return jpeg_finish_decompress(&job->info) == TRUE && !job->cut;
}

class JpegFile {
 public:
  JpegFile() {
    std::memset(&job_, 0, sizeof(job_));
    job_.info.err = jpeg_std_error(&job_.errors);
    job_.info.client_data = &job_;
    job_.errors.error_exit = OnError;
    job_.errors.emit_message = OnMessage;
    job_.errors.output_message = OnOutput;
    job_.progress.progress_monitor = OnProgress;
  }
  ~JpegFile() { jpeg_destroy_decompress(&job_.info); }
  JpegFile(const JpegFile&) = delete;
  JpegFile& operator=(const JpegFile&) = delete;

  JpegJob* job() { return &job_; }
  jpeg_decompress_struct& info() { return job_.info; }

 private:
  JpegJob job_;
};

// Eighths of the size that are enough.
unsigned ScaleFor(const jpeg_decompress_struct& info, const DecodeLimits& limits) {
  if (limits.enough == 0) return 8;
  const unsigned shorter = std::min(info.image_width, info.image_height);
  for (unsigned eighths = 1; eighths < 8; ++eighths) {
    if (uint64_t{shorter} * eighths / 8 >= limits.enough) return eighths;
  }
  return 8;
}

int OrientationOf(const jpeg_decompress_struct& info) {
  for (jpeg_saved_marker_ptr marker = info.marker_list; marker != nullptr; marker = marker->next) {
    const int found =
        ExifOrientation({reinterpret_cast<const char*>(marker->data), size_t{marker->data_length}});
    if (found != 1) return found;
  }
  return 1;
}

// Printers' colours; those that Adobe writes are upside down.
void FromCmyk(bool adobe, Pixels* pixels) {
  for (size_t i = 0; i < pixels->rgba.size(); i += 4) {
    uint8_t* p = &pixels->rgba[i];
    const unsigned black = adobe ? p[3] : 255u - p[3];
    for (int c = 0; c < 3; ++c) {
      const unsigned ink = adobe ? p[c] : 255u - p[c];
      p[c] = static_cast<uint8_t>(ink * black / 255);
    }
    p[3] = 255;
  }
}

}  // namespace

absl::StatusOr<Pixels> DecodeJpeg(std::string_view file, const DecodeLimits& limits) {
  JpegFile jpeg;
  if (!ReadHeader(jpeg.job(), reinterpret_cast<const unsigned char*>(file.data()), file.size())) {
    return DamagedImage();
  }
  jpeg_decompress_struct& info = jpeg.info();
  HEIM_RETURN_IF_ERROR(CheckPixels(info.image_width, info.image_height, limits));
  const bool cmyk = info.num_components == 4;
  info.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_RGBA;
  info.scale_num = ScaleFor(info, limits);
  info.scale_denom = 8;
  if (!Start(jpeg.job()) || info.output_components != 4) return DamagedImage();
  const int orientation = OrientationOf(info);  // finishing forgets the markers
  Pixels pixels(info.output_width, info.output_height);
  if (!ReadRows(jpeg.job(), pixels.rgba.data(), pixels.stride())) return DamagedImage();
  if (cmyk) FromCmyk(info.saw_Adobe_marker != 0, &pixels);
  return Turned(std::move(pixels), orientation);
}

}  // namespace heim
