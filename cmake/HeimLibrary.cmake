# heim_library(<name> [SUBDIRS <folder>...] DEPS <target>... [TEST_DEPS <target>...]
#              [TEST_FILTER <pattern>])
#
# Makes heim_<name> of the *.cc files in the calling folder (and in SUBDIRS), and one test program
# heim_<name>_test of its *_test.cc files, with the ctest label `unit`. A folder without sources
# becomes an interface library, so a new folder can be linked before it has any code.
# DEPS are public and are the law of what the folder may use; TEST_DEPS only serve its tests.
# TEST_FILTER leaves out the cases that heim_whole_test runs.

include(GoogleTest)

set(HEIM_PCH_TARGET)
if(HEIM_PCH)
  add_library(heim_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
  target_link_libraries(heim_pch PUBLIC heim_options heim_dep_protobuf heim_dep_absl)
  target_compile_options(heim_pch PRIVATE ${HEIM_SANITIZE_FLAGS})
  target_precompile_headers(heim_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)
  set(HEIM_PCH_TARGET heim_pch)
endif()

# Every program of the tsan preset: see the file.
if(HEIM_SANITIZE STREQUAL "thread")
  add_library(heim_tsan OBJECT ${CMAKE_SOURCE_DIR}/cmake/tsan_abseil.cc)
  target_link_libraries(heim_tsan PRIVATE heim_options)
endif()

function(heim_compile_settings target)
  get_target_property(type ${target} TYPE)
  if(TARGET heim_tsan AND type STREQUAL "EXECUTABLE")
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:heim_tsan>)
    target_link_libraries(${target} PRIVATE -Wl,--no-as-needed absl_synchronization
                                            -Wl,--as-needed)
  endif()
  target_link_libraries(${target} PRIVATE heim_options)
  target_compile_options(${target} PRIVATE ${HEIM_SANITIZE_FLAGS})
  if(HEIM_PCH_TARGET)
    target_precompile_headers(${target} REUSE_FROM ${HEIM_PCH_TARGET})
  endif()
endfunction()

function(heim_library name)
  cmake_parse_arguments(ARG "" "TEST_FILTER" "SUBDIRS;DEPS;TEST_DEPS" ${ARGN})
  set(patterns ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(subdir IN LISTS ARG_SUBDIRS)
    list(APPEND patterns ${CMAKE_CURRENT_SOURCE_DIR}/${subdir}/*.cc)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")

  set(target heim_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    heim_compile_settings(${target})
    target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${target} PUBLIC ${ARG_DEPS})
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${target} INTERFACE ${ARG_DEPS})
  endif()

  if(tests)
    heim_test(${target}_test SOURCES ${tests} DEPS ${target} ${ARG_TEST_DEPS}
              FILTER "${ARG_TEST_FILTER}")
  endif()
endfunction()

# What the sanitizers are told. Debian's gRPC is not instrumented and orders its threads by atomics
# that the thread sanitizer does not see, so programs with gRPC in them ignore what memcpy, free and
# the like touch; the others (store, hub, gateway, ...) do not.
set(HEIM_TEST_ENVIRONMENT)
set(HEIM_GRPC_TEST_ENVIRONMENT)
if(HEIM_SANITIZE STREQUAL "thread")
  set(tsan_options TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/scripts/tsan.supp)
  set(HEIM_TEST_ENVIRONMENT ${tsan_options})
  set(HEIM_GRPC_TEST_ENVIRONMENT ${tsan_options}:ignore_noninstrumented_modules=1)
elseif(HEIM_SANITIZE STREQUAL "address")
  set(HEIM_TEST_ENVIRONMENT ASAN_OPTIONS=detect_stack_use_after_return=1)
  set(HEIM_GRPC_TEST_ENVIRONMENT ${HEIM_TEST_ENVIRONMENT})
endif()

# heim_test(<program> SOURCES ... DEPS ... [LABELS unit] [FILTER <pattern>]): one gtest program, one
# ctest entry for each of its cases.
function(heim_test program)
  cmake_parse_arguments(ARG "" "FILTER" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${program} ${ARG_SOURCES})
  heim_compile_settings(${program})
  target_link_libraries(${program} PRIVATE ${ARG_DEPS} heim_dep_gtest)
  set(environment ${HEIM_TEST_ENVIRONMENT})
  if("${ARG_DEPS}" MATCHES "heim_(rpc_grpc|app|test_support)")
    set(environment ${HEIM_GRPC_TEST_ENVIRONMENT})
  endif()
  gtest_discover_tests(
    ${program}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    TEST_FILTER "${ARG_FILTER}"
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 120 ENVIRONMENT "${environment}")
endfunction()

# heim_whole_test(<name> <program> LABEL <label> FILTER <pattern>): cases of a gtest program as one
# ctest entry, because they share a server that takes its time to start.
function(heim_whole_test name program)
  cmake_parse_arguments(ARG "" "LABEL;FILTER" "" ${ARGN})
  add_test(NAME ${name} COMMAND ${program} --gtest_brief=1 --gtest_filter=${ARG_FILTER}
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 600)
  set_property(TEST ${name} PROPERTY ENVIRONMENT
    HEIM_POSTGRES_TEMPLATE=${CMAKE_BINARY_DIR}/postgres_template ${HEIM_TEST_ENVIRONMENT})
endfunction()

# Takes the static archive of every plain -l library, so that the program needs little beyond libc
# and libstdc++ where it runs (and libsimdjson, which has no archive in Debian; libstdc++ stays
# shared because libsimdjson brings it anyway and one process wants one copy). What the compiler
# appends follows the closing -Bdynamic in CMAKE_CXX_STANDARD_LIBRARIES. Only mold takes a shared
# library by its path after -Bstatic; with another linker the program is linked as usual.
function(heim_mostly_static target)
  if(HEIM_MOLD)
    target_link_options(${target} PRIVATE -Wl,-Bstatic)
  else()
    message(STATUS "mold is missing: ${target} is linked against shared libraries")
  endif()
endfunction()
