// Runs a fuzz target over the files of the folders that are named, and over each of them cut short
// at every power of two, so that a corpus says a little more than its files.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "tests/fuzz/fuzz.h"

int main(int argc, char** argv) {
  size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), {}};
      const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
      LLVMFuzzerTestOneInput(data, bytes.size());
      for (size_t length = 1; length < bytes.size(); length *= 2) {
        LLVMFuzzerTestOneInput(data, length);
      }
      ++files;
    }
  }
  std::cout << files << " files replayed\n";
  return files == 0 ? 1 : 0;
}
