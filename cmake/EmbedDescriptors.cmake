# cmake -DINPUT=<binary> -DOUTPUT=<cc> -P EmbedDescriptors.cmake
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" bytes
                     "${bytes}")
file(WRITE ${OUTPUT} "#include \"heim/v1/descriptors.h\"\n\nnamespace {\nconst unsigned char kSet[] = {\n${bytes}0x00};\n}  // namespace\n
namespace heim {
std::string_view DescriptorSet() {
  return {reinterpret_cast<const char*>(kSet), sizeof(kSet) - 1};
}
}  // namespace heim\n")
