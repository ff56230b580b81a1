// A vertex of an arrow, which points along z and is one thick before it is turned and enlarged.
#include "scene_table.glsl"

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 facing;
layout(location = 2) in vec3 place;
layout(location = 3) in vec3 direction;

uniform mat4 to_view[1];
uniform mat4 to_clip[1];
uniform int first;
uniform float radius;

flat out uint number;
out vec3 at;
out vec3 normal;

void main() {
    number = uint(first) + uint(gl_InstanceID);
    vec3 side = abs(direction.z) < 0.9 ? vec3(0.0, 0.0, 1.0) : vec3(1.0, 0.0, 0.0);
    vec3 right = normalize(cross(side, direction));
    mat3 turn = mat3(right, cross(direction, right), direction);
    vec4 seen = to_view[0] * vec4(place + turn * position * radius, 1.0);
    at = seen.xyz;
    normal = mat3(to_view[0]) * (turn * facing);
    gl_Position = hidden(number) ? vec4(2.0, 2.0, 2.0, 1.0) : to_clip[0] * seen;
}
