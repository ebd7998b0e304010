# cmake -D BUILD=... -D SOURCE=... -D WORK=... -P find_package.cmake
function(call)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  message(STATUS "${output}")
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " line)
    message(FATAL_ERROR "failed: ${line}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
call(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/before)
# An install may be moved: nothing in it may point at where it was.
file(RENAME ${WORK}/before ${WORK}/moved)
call(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -G Ninja -D CMAKE_PREFIX_PATH=${WORK}/moved -D CMAKE_CXX_COMPILER=${CXX}
     -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} -D CMAKE_CXX_FLAGS=-Wall\ -Wextra\ -Wpedantic)
call(${CMAKE_COMMAND} --build ${WORK}/build)
call(${WORK}/build/foreign_system ${WORK}/data)
call(${WORK}/moved/bin/smol info)
