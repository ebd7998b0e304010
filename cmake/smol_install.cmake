# What `cmake --install` and a wheel contain: headers, libsmol.so, its plug-ins, the program, and find_package(smol).
# A wheel holds all of it inside the package: its CMAKE_INSTALL_* directories are smol/... (pyproject.toml), and openvino and
# pyarrow lie beside it. Elsewhere those stay where they were linked.
include(CMakePackageConfigHelpers)

if(SKBUILD)
  set(rpath_of_libraries "$ORIGIN" "$ORIGIN/../pyarrow" "$ORIGIN/../openvino/libs")
  # Wheels have no symbolic links: one file, one name.
  set_property(TARGET smol PROPERTY VERSION)
  set_property(TARGET smol PROPERTY SOVERSION)
else()
  set(rpath_of_libraries "$ORIGIN" ${ARROW_LIBRARY_DIR} "$<$<TARGET_EXISTS:openvino::runtime>:$<TARGET_FILE_DIR:openvino::runtime>>")
endif()
set_property(TARGET smol PROPERTY INSTALL_RPATH "${rpath_of_libraries}")
if(TARGET smol_cli)
  file(RELATIVE_PATH libraries_from_programs /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
  set_property(TARGET smol_cli PROPERTY INSTALL_RPATH "$ORIGIN/${libraries_from_programs}")
endif()

install(TARGETS smol EXPORT smolTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET smol_backend_openvino)
  set_property(TARGET smol_backend_openvino PROPERTY INSTALL_RPATH "${rpath_of_libraries}")
  install(TARGETS smol_backend_openvino LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})  # loaded, never linked
endif()
# Beside the library, which looks for them there. Their libraries are the system's: nothing of those is installed.
install(TARGETS smol_decoder RUNTIME DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(codec avif heic jpeg2000 jpegxl)
  if(TARGET smol_codec_${codec})
    install(TARGETS smol_codec_${codec} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
endforeach()
if(TARGET smol_video_ffmpeg)  # FFmpeg itself is the system's
  install(TARGETS smol_video_ffmpeg LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  set_property(TARGET smol_video_ffmpeg PROPERTY INSTALL_RPATH "$ORIGIN")
endif()
if(TARGET smol_http)  # libcurl itself is the system's
  install(TARGETS smol_http LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  set_property(TARGET smol_http PROPERTY INSTALL_RPATH "$ORIGIN")
endif()
install(DIRECTORY include/smol DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_BINARY_DIR}/include/smol/version.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/smol)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/smol)
install(EXPORT smolTargets NAMESPACE smol:: DESTINATION ${package_folder})
configure_package_config_file(cmake/smolConfig.cmake.in ${PROJECT_BINARY_DIR}/smolConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/smolConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/smolConfig.cmake ${PROJECT_BINARY_DIR}/smolConfigVersion.cmake
        DESTINATION ${package_folder})
