// A particle as a disc that faces the viewer: quickly drawn, for the moving view.
#include "scene_table.glsl"

layout(location = 0) in vec3 place;

uniform mat4 to_view[1];
uniform mat4 to_clip[1];
uniform int first;
uniform float radius;
uniform float pixels;

flat out uint number;
out vec3 at;

void main() {
    number = uint(first) + uint(gl_VertexID);
    vec4 seen = to_view[0] * vec4(place, 1.0);
    at = seen.xyz;
    gl_Position = hidden(number) ? vec4(2.0, 2.0, 2.0, 1.0) : to_clip[0] * seen;
    gl_PointSize = clamp(abs(to_clip[0][1][1]) * pixels * radius / gl_Position.w, 1.0, 250.0);
}
