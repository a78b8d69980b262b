// Picture files made on the spot, for tests only: by the libraries themselves, so that no file lies
// in the tree.
#pragma once

#include <cstdio>
#include <cstdlib>

// After <cstdio>: the library's header needs FILE.
#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/image/pixels.h"

namespace heim {

// A picture of which each pixel is different: red grows to the right, green downwards.
inline Pixels Slope(uint32_t width, uint32_t height, uint8_t alpha = 255) {
  Pixels pixels(width, height);
  for (uint32_t y = 0; y < height; ++y) {
    for (uint32_t x = 0; x < width; ++x) {
      uint8_t* p = pixels.row(y) + size_t{x} * 4;
      p[0] = static_cast<uint8_t>(x * 255 / width);
      p[1] = static_cast<uint8_t>(y * 255 / height);
      p[2] = 40;
      p[3] = alpha;
    }
  }
  return pixels;
}

inline std::string PngOf(const Pixels& pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = pixels.width;
  image.height = pixels.height;
  image.format = PNG_FORMAT_RGBA;
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&image, nullptr, &size, 0, pixels.rgba.data(), 0, nullptr);
  std::string file(size, '\0');
  png_image_write_to_memory(&image, file.data(), &size, 0, pixels.rgba.data(), 0, nullptr);
  file.resize(size);
  return file;
}

inline std::string BigEndian32(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

inline uint32_t Crc32(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

inline std::string PngChunk(const std::string& name, const std::string& data) {
  return BigEndian32(static_cast<uint32_t>(data.size())) + name + data +
         BigEndian32(Crc32(name + data));
}

// The png with a chunk put in behind its first one.
inline std::string WithPngChunk(const std::string& png, const std::string& chunk) {
  constexpr size_t kFirstEnds = 8 + 25;
  return png.substr(0, kFirstEnds) + chunk + png.substr(kFirstEnds);
}

// The png whose header tells of another size.
inline std::string WithPngSize(std::string png, uint32_t width, uint32_t height) {
  const std::string data = BigEndian32(width) + BigEndian32(height) + png.substr(24, 5);
  return png.replace(8, 25, PngChunk("IHDR", data));
}

struct JpegForm {
  bool progressive = false;
  bool grey = false;
  bool cmyk = false;
  bool many_scans = false;  // of a grey one: one for each coefficient
  std::string exif;         // of an APP1 marker
};

inline std::string JpegOf(const Pixels& pixels, const JpegForm& form = {}) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = pixels.width;
  info.image_height = pixels.height;
  info.input_components = form.grey ? 1 : 4;
  info.in_color_space = form.grey ? JCS_GRAYSCALE : form.cmyk ? JCS_CMYK : JCS_EXT_RGBA;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 95, TRUE);
  if (form.progressive) jpeg_simple_progression(&info);
  std::vector<jpeg_scan_info> scans;
  for (int i = 0; form.many_scans && i < 64; ++i) {
    scans.push_back(
        {.comps_in_scan = 1, .component_index = {}, .Ss = i, .Se = i, .Ah = 0, .Al = 0});
  }
  if (form.many_scans) {
    info.scan_info = scans.data();
    info.num_scans = static_cast<int>(scans.size());
  }
  jpeg_start_compress(&info, TRUE);
  if (!form.exif.empty()) {
    jpeg_write_marker(&info, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(form.exif.data()),
                      static_cast<unsigned>(form.exif.size()));
  }
  std::vector<uint8_t> grey(pixels.width);
  for (uint32_t y = 0; y < pixels.height; ++y) {
    for (uint32_t x = 0; x < pixels.width; ++x) grey[x] = pixels.row(y)[size_t{x} * 4];
    JSAMPROW row = form.grey ? grey.data() : const_cast<uint8_t*>(pixels.row(y));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string file(reinterpret_cast<char*>(bytes), size);
  std::free(bytes);
  return file;
}

// Exif data with nothing but an orientation, in little-endian order.
inline std::string ExifOf(int orientation) {
  std::string exif("Exif\0\0II*\0\x08\0\0\0\x01\0", 16);
  exif += std::string("\x12\x01\x03\0\x01\0\0\0", 8);
  exif.push_back(static_cast<char>(orientation));
  exif += std::string(7, '\0');
  return exif;
}

inline std::string WebpOf(const Pixels& pixels) {
  uint8_t* bytes = nullptr;
  const size_t size = WebPEncodeLosslessRGBA(pixels.rgba.data(), static_cast<int>(pixels.width),
                                             static_cast<int>(pixels.height),
                                             static_cast<int>(pixels.stride()), &bytes);
  std::string file(reinterpret_cast<char*>(bytes), size);
  WebPFree(bytes);
  return file;
}

}  // namespace heim
