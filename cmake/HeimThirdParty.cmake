# One interface target for each third-party library, named heim_dep_*. Libraries are named with
# plain -l, so that the program can take the static archives and the tests the shared objects
# (see HEIM_STATIC in server/app/CMakeLists.txt).

find_package(Threads REQUIRED)
find_package(Boost 1.81 EXACT REQUIRED)  # headers only
find_package(GTest REQUIRED)

function(heim_dependency name)
  add_library(heim_dep_${name} INTERFACE)
  target_link_libraries(heim_dep_${name} INTERFACE ${ARGN})
endfunction()

# Abseil's pkg-config files repeat some forty names; the archives in the system directory are the
# same list. What is not referenced costs nothing (as-needed, archive semantics).
find_library(HEIM_ABSL_BASE absl_base REQUIRED)
get_filename_component(libdir ${HEIM_ABSL_BASE} DIRECTORY)
file(GLOB absl_archives ${libdir}/libabsl_*.a)
set(absl_names)
foreach(archive IN LISTS absl_archives)
  get_filename_component(stem ${archive} NAME_WE)
  string(REGEX REPLACE "^lib" "" stem ${stem})
  list(APPEND absl_names ${stem})
endforeach()

heim_dependency(absl -Wl,--start-group ${absl_names} -Wl,--end-group Threads::Threads)
heim_dependency(crypto crypto Threads::Threads)
heim_dependency(ssl ssl crypto Threads::Threads)
heim_dependency(cares cares)
heim_dependency(sodium sodium)
heim_dependency(utf8proc utf8proc)
heim_dependency(image png16 jpeg webp z m)
heim_dependency(minizip minizip z)
heim_dependency(sqlite sqlite3 Threads::Threads)
# The archive in every program: what it calls of libpq are forwarders of server/store/postgres, which
# load libpq at run time, and the shared object would bring libpq with it.
find_library(HEIM_PQXX libpqxx.a REQUIRED)
heim_dependency(pqxx ${HEIM_PQXX} Threads::Threads ${CMAKE_DL_LIBS})
heim_dependency(protobuf protobuf z Threads::Threads)
heim_dependency(grpc grpc++_reflection grpc++ grpc gpr address_sorting re2 upb cares heim_dep_ssl
                heim_dep_protobuf heim_dep_absl)
# By its path, because there is no static archive to be found by name.
find_library(HEIM_SIMDJSON simdjson REQUIRED)
heim_dependency(simdjson ${HEIM_SIMDJSON})
heim_dependency(gtest GTest::gtest GTest::gmock GTest::gtest_main)

# Header only, so that no shared object of theirs is needed at run time; only base/log.cc pays.
heim_dependency(spdlog)
target_compile_definitions(heim_dep_spdlog INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)

# Beast and Asio compile once, here, instead of in every file that includes them.
add_library(heim_dep_boost STATIC ${CMAKE_SOURCE_DIR}/cmake/boost.cc)
target_link_libraries(heim_dep_boost PUBLIC Boost::headers heim_dep_ssl Threads::Threads)
target_compile_options(heim_dep_boost PRIVATE -w ${HEIM_SANITIZE_FLAGS})
target_compile_definitions(heim_dep_boost PUBLIC BOOST_ASIO_SEPARATE_COMPILATION
                           BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
if(HEIM_SANITIZE STREQUAL "thread")
  # The thread sanitizer knows no fences; Asio's locks order its handlers by themselves.
  target_compile_definitions(heim_dep_boost PUBLIC BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()

heim_dependency(cli11)
heim_dependency(nlohmann_json)
