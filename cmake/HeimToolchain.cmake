# Compiler, linker and cache settings common to every target.

# Compilation results are shared between build directories and between clones: paths are hashed
# relative to the source tree. The sloppiness list is what the compiler cache asks for with
# precompiled headers.
find_program(HEIM_CCACHE ccache)
if(HEIM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(launcher
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${HEIM_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  if(HEIM_PCH)
    # Without it the cache cannot see that a precompiled header was used.
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

find_program(HEIM_MOLD mold)
if(HEIM_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
add_link_options(-Wl,--as-needed)

add_compile_options(-fdiagnostics-color=auto)
set(HEIM_WARNINGS -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror)

if(HEIM_SANITIZE STREQUAL "address")
  set(HEIM_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined)
elseif(HEIM_SANITIZE STREQUAL "thread")
  # Protobuf's headers lay out its maps differently when they see the macro, and Debian's library did
  # not see it; what libstdc++ concludes from the macro is said in its stead.
  set(HEIM_SANITIZE_FLAGS -fsanitize=thread -U__SANITIZE_THREAD__ -D_GLIBCXX_TSAN=1)
elseif(HEIM_SANITIZE STREQUAL "fuzz")
  # Targets of tests/fuzz add the fuzzer's own main. Warnings are gcc's business.
  set(HEIM_SANITIZE_FLAGS -fsanitize=fuzzer-no-link,address,undefined
                          -fno-sanitize-recover=undefined)
  set(HEIM_WARNINGS -w)
elseif(HEIM_SANITIZE)
  message(FATAL_ERROR "HEIM_SANITIZE is '${HEIM_SANITIZE}': use address, thread or fuzz")
endif()
if(HEIM_SANITIZE_FLAGS)
  add_link_options(${HEIM_SANITIZE_FLAGS})
endif()

# What every own target uses; third-party and generated code do without the warnings.
add_library(heim_options INTERFACE)
target_compile_options(heim_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${HEIM_WARNINGS}>)
target_include_directories(heim_options INTERFACE ${CMAKE_SOURCE_DIR})

# See heim_mostly_static: whatever follows the listed libraries is linked as usual.
set(CMAKE_CXX_STANDARD_LIBRARIES "${CMAKE_CXX_STANDARD_LIBRARIES} -Wl,-Bdynamic")
