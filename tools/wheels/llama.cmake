# What is left out of llama.cpp when llama-cpp-python is built: cmake -C llama.cmake. Only the parts that edgereel never
# calls go; nothing here changes how a model computes.
set(LLAVA_BUILD OFF CACHE BOOL "pictures and sound as input")
set(LLAMA_OPENSSL OFF CACHE BOOL "fetching models over the network")
set(LLAMA_ALL_WARNINGS OFF CACHE BOOL "warnings are for those who change llama.cpp")

# llama-cpp-python forces LLAMA_BUILD_COMMON on in the cache: a library for llama.cpp's own programs, half of the compile
# time, which nothing in the package loads. A plain variable of llama.cpp's own scope stands before the cache.
set(CMAKE_PROJECT_llama.cpp_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/without_common.cmake" CACHE FILEPATH "run in llama.cpp's scope")

# One file per library: a wheel has no links, so each libllama.so, .so.0 and .so.0.5.0 would be the whole library again.
set(CMAKE_PLATFORM_NO_VERSIONED_SONAME ON CACHE BOOL "no version in library names")
