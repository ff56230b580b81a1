// A corner of the square that just covers a sphere as it is seen.
#include "scene_table.glsl"

layout(location = 0) in vec3 place;

uniform mat4 to_view[1];
uniform mat4 to_clip[1];
uniform int first;
uniform float radius;
uniform float perspective;

flat out uint number;
flat out vec3 centre;
out vec3 at;

void main() {
    number = uint(first) + uint(gl_InstanceID);
    centre = (to_view[0] * vec4(place, 1.0)).xyz;
    vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 2.0 - 1.0;
    float away = length(centre);
    bool inside = perspective > 0.5 && away <= 1.01 * radius;
    vec3 sight = perspective > 0.5 ? centre / max(away, 1e-6) : vec3(0.0, 0.0, -1.0);
    float wide = perspective > 0.5 ? radius * away / sqrt(max(away * away - radius * radius, 1e-6)) : radius;
    vec3 right = normalize(cross(sight, vec3(0.0, 1.0, 0.0)));
    at = centre + wide * (corner.x * right + corner.y * cross(right, sight));
    gl_Position = hidden(number) || inside ? vec4(2.0, 2.0, 2.0, 1.0) : to_clip[0] * vec4(at, 1.0);
}
