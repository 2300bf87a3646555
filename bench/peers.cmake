# What makes llama-server's library for pictures and sound compile in a quarter of the time: its 45 small sources in
# three pieces. Nothing of it runs in a measurement. Given to llama.cpp as CMAKE_PROJECT_INCLUDE.
set(mtmd "${CMAKE_SOURCE_DIR}/tools/mtmd")
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL set_target_properties mtmd PROPERTIES
    UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL set_source_files_properties
    "${mtmd}/mtmd.cpp" "${mtmd}/mtmd-audio.cpp" "${mtmd}/mtmd-image.cpp" "${mtmd}/mtmd-helper.cpp"
    "${mtmd}/mtmd-helper-gen.cpp" "${mtmd}/clip.cpp"
    TARGET_DIRECTORY mtmd PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
