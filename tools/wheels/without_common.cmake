# Included by cmake right after llama.cpp's own project(): see llama.cmake.
set(LLAMA_BUILD_COMMON OFF)
