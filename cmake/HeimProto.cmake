# Generated code of the contract:
#   heim_googleapis        the few googleapis messages used
#   heim_proto             messages and enums of proto/heim/v1, services included
#   heim_proto_grpc        client and server stubs, for the command line and the tests
#   heim_proto_descriptors the descriptor set with comments, as bytes in the program
# Only protoc and its gRPC plugin are needed here.

find_program(HEIM_PROTOC protoc REQUIRED)
find_program(HEIM_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)

set(HEIM_PROTO_ROOT ${CMAKE_SOURCE_DIR}/proto)
set(HEIM_GOOGLEAPIS ${CMAKE_SOURCE_DIR}/.tools/googleapis)
set(HEIM_GEN ${CMAKE_BINARY_DIR}/gen)
file(MAKE_DIRECTORY ${HEIM_GEN})

if(NOT EXISTS ${HEIM_GOOGLEAPIS}/google/api/annotations.proto)
  message(FATAL_ERROR "The googleapis protos are missing: run ./scripts/deps first")
endif()

# heim_protoc(<output list> <proto below root> <root> [GRPC]): generates C++ beside gen/<path>.
function(heim_protoc out proto root)
  cmake_parse_arguments(ARG "GRPC" "" "" ${ARGN})
  string(REGEX REPLACE "\\.proto$" "" stem ${proto})
  if(ARG_GRPC)
    set(kind grpc.pb)
    set(generator --grpc_out=${HEIM_GEN} --plugin=protoc-gen-grpc=${HEIM_GRPC_PLUGIN})
  else()
    set(kind pb)
    set(generator --cpp_out=${HEIM_GEN})
  endif()
  set(files ${HEIM_GEN}/${stem}.${kind}.cc ${HEIM_GEN}/${stem}.${kind}.h)
  add_custom_command(
    OUTPUT ${files}
    COMMAND ${HEIM_PROTOC} ${generator} -I${HEIM_PROTO_ROOT} -I${HEIM_GOOGLEAPIS}
            --dependency_out=${HEIM_GEN}/${stem}.${kind}.d ${root}/${proto}
    DEPENDS ${root}/${proto} ${HEIM_PROTOC}
    DEPFILE ${HEIM_GEN}/${stem}.${kind}.d
    COMMENT "protoc ${proto} (${kind})"
    VERBATIM)
  set(${out} ${${out}} ${files} PARENT_SCOPE)
endfunction()

# Generated code is not ours to warn about, and -O1 halves its compile time at no measured cost.
function(heim_generated_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_SOURCES)
    add_library(${name} INTERFACE)
    target_include_directories(${name} SYSTEM INTERFACE ${HEIM_GEN})
    target_link_libraries(${name} INTERFACE ${ARG_DEPS})
    return()
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} SYSTEM PUBLIC ${HEIM_GEN})
  target_compile_options(${name} PRIVATE -w $<$<CONFIG:Release>:-O1> ${HEIM_SANITIZE_FLAGS})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
endfunction()

set(google_sources)
foreach(proto google/api/http google/api/annotations google/api/field_behavior google/rpc/status
        google/rpc/code google/rpc/error_details)
  heim_protoc(google_sources ${proto}.proto ${HEIM_GOOGLEAPIS})
endforeach()
heim_generated_library(heim_googleapis SOURCES ${google_sources} DEPS heim_dep_protobuf)

file(GLOB heim_protos CONFIGURE_DEPENDS RELATIVE ${HEIM_PROTO_ROOT}
     ${HEIM_PROTO_ROOT}/heim/v1/*.proto)
set(message_sources)
set(stub_sources)
foreach(proto IN LISTS heim_protos)
  heim_protoc(message_sources ${proto} ${HEIM_PROTO_ROOT})
  if(proto MATCHES "_service\\.proto$")
    heim_protoc(stub_sources ${proto} ${HEIM_PROTO_ROOT} GRPC)
  endif()
endforeach()
heim_generated_library(heim_proto SOURCES ${message_sources} DEPS heim_googleapis)
# All of it, for programs that want every service and name none: tests of the method table.
add_library(heim_proto_whole INTERFACE)
target_link_libraries(heim_proto_whole INTERFACE heim_proto)
target_link_options(heim_proto_whole INTERFACE
  "SHELL:-Wl,--whole-archive $<TARGET_FILE:heim_proto> -Wl,--no-whole-archive")
heim_generated_library(heim_proto_grpc SOURCES ${stub_sources} DEPS heim_proto heim_dep_grpc)

# The descriptor set: what the linked-in descriptors lack are the comments.
set(descriptor_cc ${HEIM_GEN}/heim/v1/descriptors.cc)
set(descriptor_set ${CMAKE_BINARY_DIR}/heim.binpb)
configure_file(${CMAKE_SOURCE_DIR}/cmake/descriptors.h.in ${HEIM_GEN}/heim/v1/descriptors.h
               COPYONLY)
if(heim_protos)
  list(TRANSFORM heim_protos PREPEND ${HEIM_PROTO_ROOT}/ OUTPUT_VARIABLE proto_paths)
  add_custom_command(
    OUTPUT ${descriptor_set}
    COMMAND ${HEIM_PROTOC} --include_source_info --include_imports
            --descriptor_set_out=${descriptor_set} -I${HEIM_PROTO_ROOT} -I${HEIM_GOOGLEAPIS}
            ${proto_paths}
    DEPENDS ${proto_paths}
    COMMENT "protoc descriptor set"
    VERBATIM)
else()
  file(TOUCH ${descriptor_set})
endif()
add_custom_command(
  OUTPUT ${descriptor_cc}
  COMMAND ${CMAKE_COMMAND} -DINPUT=${descriptor_set} -DOUTPUT=${descriptor_cc} -P
          ${CMAKE_SOURCE_DIR}/cmake/EmbedDescriptors.cmake
  DEPENDS ${descriptor_set} ${CMAKE_SOURCE_DIR}/cmake/EmbedDescriptors.cmake
  COMMENT "Embedding the descriptor set"
  VERBATIM)
heim_generated_library(heim_proto_descriptors SOURCES ${descriptor_cc})
