// An arrow as a triangle that shows its broad side to the viewer: quickly drawn, for the moving view.
#include "scene_table.glsl"

layout(location = 0) in vec3 place;
layout(location = 1) in vec3 direction;

uniform mat4 to_view[1];
uniform mat4 to_clip[1];
uniform int first;
uniform float radius;

flat out uint number;
out vec3 at;
out vec3 normal;

void main() {
    number = uint(first) + uint(gl_VertexID / 3);
    int corner = gl_VertexID % 3;
    vec3 along = mat3(to_view[0]) * direction;
    vec2 aside = vec2(along.y, -along.x) / max(length(along.xy), 0.05);
    vec4 seen = to_view[0] * vec4(place, 1.0);
    if (corner == 2) seen.xyz += 3.0 * radius * along;
    else seen.xy += (corner == 0 ? 0.7 : -0.7) * radius * aside;
    at = seen.xyz;
    normal = vec3(-along.xy * along.z, 1.0 - along.z * along.z + 0.05);
    normal /= max(length(normal), 1e-3);
    gl_Position = hidden(number) ? vec4(2.0, 2.0, 2.0, 1.0) : to_clip[0] * seen;
}
