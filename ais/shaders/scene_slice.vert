// A corner of a slice of the tomogram.

uniform mat4 to_view[1];
uniform mat4 to_clip[1];
uniform vec3 corner;
uniform vec3 along_columns;
uniform vec3 along_rows;

out vec2 place;
out vec3 at;

void main() {
    place = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1));
    vec4 seen = to_view[0] * vec4(corner + place.x * along_columns + place.y * along_rows, 1.0);
    at = seen.xyz;
    gl_Position = to_clip[0] * seen;
}
