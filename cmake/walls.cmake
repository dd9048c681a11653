# The walls of the design: what a library may include is a folder of links, made here. A header that is not linked does
# not exist for its sources, and a third-party header answers with an error unless the library (or the one file) may use it.

set(WALLS ${CMAKE_BINARY_DIR}/walls)
file(REMOVE_RECURSE ${WALLS})

# wall_off(NAME header...): stand-ins for the headers, in front of the system's, that let only SIPWEIR_MAY_<NAME> pass.
function(wall_off name)
	foreach(header ${ARGN})
		file(WRITE ${WALLS}/outside/${header}
			"#pragma GCC system_header\n#ifdef SIPWEIR_MAY_${name}\n#include_next <${header}>\n"
			"#else\n#error \"this file may not include ${header} (see cmake/walls.cmake)\"\n#endif\n")
	endforeach()
endfunction()

# Headers of one folder may lie in two places: OpenSSL keeps those that depend on the machine apart.
function(wall_off_folder name folder)
	foreach(root /usr/include /usr/include/${CMAKE_C_LIBRARY_ARCHITECTURE})
		file(GLOB headers RELATIVE ${root} ${root}/${folder}/*.h)
		wall_off(${name} ${headers})
	endforeach()
endfunction()

wall_off_folder(EVENT event2)
wall_off(EVENT event.h evhttp.h evutil.h evdns.h)
wall_off_folder(OPENSSL openssl)
wall_off_folder(OSIP osipparser2)
wall_off(LIBCONFIG libconfig.h)
wall_off(CARES ares.h)

# see(TARGET path...): the target's sources may include these files or folders of the project.
function(see target)
	foreach(path ${ARGN})
		get_filename_component(folder ${WALLS}/${target}/${path} DIRECTORY)
		file(MAKE_DIRECTORY ${folder})
		file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${path} ${WALLS}/${target}/${path} SYMBOLIC)
	endforeach()
	target_include_directories(${target} BEFORE PRIVATE ${WALLS}/${target} ${WALLS}/outside)
endfunction()

# may_use(TARGET NAME...) lifts the wall for a whole target; only_here(NAME file) for one source.
function(may_use target)
	foreach(name ${ARGN})
		target_compile_definitions(${target} PRIVATE SIPWEIR_MAY_${name})
	endforeach()
endfunction()

function(only_here name file)
	set_property(SOURCE ${file} APPEND PROPERTY COMPILE_DEFINITIONS SIPWEIR_MAY_${name})
endfunction()

# refuses_include(TARGET header): a test that this include does not compile in that library.
function(refuses_include target header)
	string(MAKE_C_IDENTIFIER "${header}" id)
	set(file ${WALLS}/tests/${target}_${id}.c)
	file(WRITE ${file} "#include <${header}>\nint nothing;\n")
	add_test(NAME wall.${target}_does_not_see_${id}
		COMMAND ${CMAKE_C_COMPILER} -D_GNU_SOURCE -fsyntax-only -I${WALLS}/${target} -I${WALLS}/outside ${file})
	set_tests_properties(wall.${target}_does_not_see_${id} PROPERTIES
		PASS_REGULAR_EXPRESSION "may not include|file not found|No such file" LABELS walls)
endfunction()
