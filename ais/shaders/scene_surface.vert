// A vertex of a surface; those of a hidden component fall together outside of the view.
#include "scene_table.glsl"

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 facing;
layout(location = 2) in uint component;

uniform mat4 to_view[1];
uniform mat4 to_clip[1];
uniform int first;

flat out uint number;
out vec3 at;
out vec3 normal;

void main() {
    number = uint(first) + component;
    vec4 seen = to_view[0] * vec4(position, 1.0);
    at = seen.xyz;
    normal = mat3(to_view[0]) * facing;
    gl_Position = hidden(number) ? vec4(2.0, 2.0, 2.0, 1.0) : to_clip[0] * seen;
}
